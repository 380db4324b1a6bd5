import type { Command } from "commander";
import type { CommandContext } from "../context.ts";
import { defineCommand, defineGroup } from "../define-command.ts";
import { defineBuild } from "../images-commands/build.ts";
import type { PruneArguments } from "../images-commands/prune.ts";
import { defineRender } from "../images-commands/render.ts";

export function define(context: CommandContext): Command {
  return defineGroup(
    "images",
    "List, build, check, share and remove images",
    [
      defineList(context),
      defineShow(context),
      defineHistory(context),
      defineBuild(context),
      defineRender(context),
      defineVerify(context),
      definePrune(context),
      defineRemove(context),
      defineImport(context),
      defineExport(context),
    ],
    "list",
  );
}

const IMAGE = "name, address such as role.docker, or the beginning of a digest";

function defineList(context: CommandContext): Command {
  return defineCommand(context, "images list", {
    summary: "List the images in the store",
    description:
      "The store is the host's, shared by all labs. SIZE is what an image takes on disk by itself: a layer that several " +
      "images and VMs stand on is there once, and SHARED counts them. USED BY names the labs and VMs that stand on the " +
      "image itself. Narrow terminals show the most important columns.",
    examples: [
      { command: "vmlab images", text: "all, newest first" },
      { command: "vmlab images list noble-docker", text: "those of one name" },
      { command: "vmlab images list --json", text: "everything, for programs" },
    ],
  })
    .alias("ls")
    .argument("[images...]", IMAGE)
    .option("--json", "print JSON")
    .action(async (names: string[], options: { json?: boolean }) => {
      const { listCommand } = await import("../images-commands/list.ts");
      context.exitCode = await listCommand(context, names, options);
    });
}

function defineShow(context: CommandContext): Command {
  return defineCommand(context, "images show", {
    summary: "Show one image",
    description: "What it is, where it came from, what it is made of, and who needs it.",
    examples: [{ command: "vmlab images show noble-docker", text: "by its name" }],
  })
    .argument("<image>", IMAGE)
    .option("--json", "print JSON")
    .action(async (what: string, options: { json?: boolean }) => {
      const { showCommand } = await import("../images-commands/show.ts");
      context.exitCode = await showCommand(context, what, options);
    });
}

function defineHistory(context: CommandContext): Command {
  return defineCommand(context, "images history", {
    summary: "Show the layers of an image",
    description:
      "The highest first, each with its steps, its size on disk, and how many images and VMs share it.",
    examples: [{ command: "vmlab images history noble-docker", text: "down to the base image" }],
  })
    .argument("<image>", IMAGE)
    .option("--json", "print JSON")
    .action(async (what: string, options: { json?: boolean }) => {
      const { historyCommand } = await import("../images-commands/history.ts");
      context.exitCode = await historyCommand(context, what, options);
    });
}

function defineVerify(context: CommandContext): Command {
  return defineCommand(context, "images verify", {
    summary: "Read images and compare them with their digests",
    description:
      "Every byte of the images and of the layers below them; without names, of the whole store. --repair mends what can " +
      "be mended: layers that were moved, a store that was copied, records that are missing or damaged. A damaged image " +
      "whose bytes are nowhere else is marked, so that the next apply gets or builds it anew. Exits with 1 when " +
      "something is wrong.",
    examples: [
      { command: "vmlab images verify", text: "the whole store" },
      { command: "vmlab images verify noble-docker --repair", text: "one image with its layers" },
    ],
  })
    .argument("[images...]", IMAGE)
    .option("--repair", "mend what can be mended")
    .option("--json", "print JSON")
    .action(async (names: string[], options: { repair?: boolean; json?: boolean }) => {
      const { verifyCommand } = await import("../images-commands/verify.ts");
      context.exitCode = await verifyCommand(context, names, options);
    });
}

function definePrune(context: CommandContext): Command {
  return defineCommand(context, "images prune", {
    summary: "Free what nobody needs",
    description:
      "Images that no lab leases, no VM stands on (in the trash neither), and no build uses; what was left of downloads; " +
      "files that were refused; damaged images that were put aside. Only what nobody has needed for store.keep of " +
      "config.toml (default 14d), as apply does it by itself; with --all everything.",
    examples: [
      { command: "vmlab images prune --dry-run", text: "what would be freed and kept, and why" },
      { command: "vmlab images prune --all --yes", text: "everything that nobody needs, without a question" },
    ],
  })
    .option("--dry-run", "only say what would be done")
    .option("-a, --all", "also what is unused for a short time only")
    .option("-y, --yes", "do not ask")
    .option("--json", "print JSON")
    .action(async (options: PruneArguments) => {
      const { pruneCommand } = await import("../images-commands/prune.ts");
      context.exitCode = await pruneCommand(context, options);
    });
}

function defineRemove(context: CommandContext): Command {
  return defineCommand(context, "images rm", {
    summary: "Remove images",
    description: "Refused while a lab, a VM, a build or another image needs them; the message names which.",
    examples: [
      { command: "vmlab images rm web", text: "after a question" },
      { command: "vmlab images rm web noble-docker --yes", text: "an image with the one below it" },
    ],
  })
    .argument("<images...>", IMAGE)
    .option("-y, --yes", "do not ask")
    .action(async (names: string[], options: { yes?: boolean }) => {
      const { removeCommand } = await import("../images-commands/rm.ts");
      context.exitCode = await removeCommand(context, names, options);
    });
}

function defineImport(context: CommandContext): Command {
  return defineCommand(context, "images import", {
    summary: "Take an image into the store",
    description:
      'An archive that "vmlab images export" wrote: its images get the digests that they had there, layers that are here ' +
      "already are not copied again, and nothing enters the store before all of it is read and verified. Or a disk file: " +
      "qcow2 or raw, also compressed with xz, gzip or zstd.",
    examples: [
      { command: "vmlab images import web.tar.zst", text: "from a colleague" },
      { command: "vmlab images import golden.qcow2 --name golden", text: "a disk" },
    ],
  })
    .argument("<file>", "archive or disk")
    .option("--name <name>", "what it is to be called (default: as it was, or as the file)")
    .option("--json", "print JSON")
    .action(async (file: string, options: { name?: string; json?: boolean }) => {
      const { importCommand } = await import("../images-commands/import.ts");
      context.exitCode = await importCommand(context, file, options);
    });
}

function defineExport(context: CommandContext): Command {
  return defineCommand(context, "images export", {
    summary: "Write an image to a file",
    description:
      "The image and every layer below it, with their records and checksums. The name decides how it is packed: .tar, " +
      ".tar.gz or .tar.zst. With --flatten as one disk, which stands by itself and is another image, with a digest of " +
      "its own.",
    examples: [
      { command: "vmlab images export web web.tar.zst", text: "for a colleague" },
      { command: "vmlab images export web web.tar --flatten", text: "as one disk" },
    ],
  })
    .argument("<image>", IMAGE)
    .argument("<file>", "where to; ends in .tar, .tar.gz or .tar.zst")
    .option("--flatten", "make one disk of all layers")
    .option("--force", "replace a file that exists")
    .option("--json", "print JSON")
    .action(
      async (what: string, file: string, options: { flatten?: boolean; force?: boolean; json?: boolean }) => {
        const { exportCommand } = await import("../images-commands/export.ts");
        context.exitCode = await exportCommand(context, what, file, options);
      },
    );
}
