import { Command } from "commander";
import { imageArchives, listImages, pruneImages } from "../../local/images";
import { imagesDirOption } from "../options";
import { printJson, progress } from "../place";
import { bytes, table } from "../table";

interface ImagesOption {
  imagesDir?: string;
}

export function imagesCommand(): Command {
  const command = new Command("images")
    .description("each image: the reference that workloads use, and where it comes from")
    .addOption(imagesDirOption())
    .option("--json", "as one JSON document")
    .action(async ({ imagesDir, json }: ImagesOption & { json?: boolean }) => {
      const images = await listImages({ imagesDirectory: imagesDir });
      if (json) return printJson(images);
      const rows = images.map((image) => [
        image.reference,
        image.source,
        image.cached ? bytes(image.sizeBytes) : image.source === "unavailable" ? "" : "not made yet",
        image.reason ?? "",
      ]);
      process.stdout.write(table(["IMAGE", "SOURCE", "SIZE", "NOTE"], rows));
    });
  command
    .command("build")
    .description("makes the images' archives, all of them or those named")
    .argument("[references...]", "image references")
    .addOption(imagesDirOption())
    .action(async (references: string[], { imagesDir }: ImagesOption) => {
      const options = { imagesDirectory: imagesDir };
      const wanted =
        references.length > 0
          ? references
          : (await listImages(options))
              .filter((image) => image.source !== "unavailable")
              .map((image) => image.reference);
      const archives = await imageArchives(wanted, progress(), options);
      for (const [reference, path] of archives) process.stdout.write(`${reference}\t${path}\n`);
    });
  command
    .command("prune")
    .description("removes archives that no image uses any more")
    .option("--all", "also those in use, and the build caches")
    .action(async ({ all }: { all?: boolean }) => {
      const removed = await pruneImages(progress(), { all: all === true });
      process.stdout.write(`removed ${bytes(removed)}\n`);
    });
  return command;
}
