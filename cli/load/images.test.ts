import assert from "node:assert/strict";
import { distinct, imagesOf } from "./images";

const digest = `sha256:${"a".repeat(64)}`;
const pod = (name: string, imageID: string) => ({
  metadata: { namespace: "apps", name },
  status: { containerStatuses: [{ name: "taskdb", image: "taskdb:1", imageID }] },
});

describe("the images under load", () => {
  it("are told by the digest that the node runs, once for all replicas", () => {
    const found = [pod("a", `docker.io/x@${digest}`), pod("b", digest)].flatMap(imagesOf);
    assert.deepEqual(distinct(found), [{ namespace: "apps", container: "taskdb", image: "taskdb:1", digest }]);
  });

  it("are two where replicas run different ones, and none where a container has not begun", () => {
    const other = `sha256:${"b".repeat(64)}`;
    assert.equal(distinct([pod("a", digest), pod("b", other)].flatMap(imagesOf)).length, 2);
    assert.deepEqual(imagesOf(pod("a", "")), []);
  });
});
