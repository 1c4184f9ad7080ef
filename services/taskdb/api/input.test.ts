import { TestApi } from "./testing/api";
import { refusesBadInput } from "./testing/input";

describe("taskdb: bad input, on SQLite", () => refusesBadInput(() => TestApi.open()));
