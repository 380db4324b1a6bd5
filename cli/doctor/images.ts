/** Doctor's look at the image store: what nobody needs, what is not whole, and who stands on what is not there. */
import { join } from "node:path";
import { isDiagnosticsError } from "../../engine/diagnostics.ts";
import { readHostConfig } from "../../engine/host/host-config.ts";
import { formatDuration, formatSize } from "../../engine/units.ts";
import type { ImageUser, ImageUsers, RegistryImage } from "../../providers/images/registry/index.ts";
import type { CommandContext } from "../context.ts";
import { conditionText, count, shortDigest, totalText } from "../images-commands/image-text.ts";
import { printable } from "../render/text-width.ts";
import { type Finding, ok, trouble } from "./finding.ts";

/** Empty when there is no store yet. */
export async function examineImages(context: CommandContext): Promise<Finding[]> {
  const { effects, home } = context;
  const { readRegistry } = await import("../../providers/images/registry/index.ts");
  const { images, users } = await readRegistry(effects, home);
  const findings = [
    ...images.flatMap(conditionFinding),
    ...missingFindings(images, users),
    ...(await unusedFindings(context, images)),
    ...(await labFindings(context, users)),
  ];
  if (findings.length > 0 || images.length === 0) return findings;
  return [ok("image/store", `the store has ${totalText(images)}, whole as far as a look tells`)];
}

function conditionFinding(image: RegistryImage): Finding[] {
  const what = conditionText(image);
  if (what === "") return [];
  const name = printable(image.name);
  return [
    trouble("error", "image/not-whole", `the image ${name} (${shortDigest(image.digest)}) is not whole`, {
      detail: what,
      remedy: `"vmlab images verify --repair ${shortDigest(image.digest)}" mends what can be mended.`,
    }),
  ];
}

/** VMs whose image, or a layer below it, has no folder in the store. */
function missingFindings(images: readonly RegistryImage[], users: ImageUsers): Finding[] {
  const there = new Set(images.map(({ digest }) => digest));
  return [...users.byDigest].flatMap(([digest, list]) => {
    if (there.has(digest)) return [];
    return list.flatMap((user) => (user.kind === "vm" ? [missingFinding(digest, user)] : []));
  });
}

function missingFinding(digest: string, vm: Extract<ImageUser, { kind: "vm" }>): Finding {
  const lab = vm.lab === "" ? "" : ` of lab ${vm.lab}`;
  const where = vm.inTrash ? ", in the trash" : "";
  return trouble(
    "error",
    "image/layer-missing",
    `the image that VM ${vm.name}${lab} stands on is gone${where}`,
    {
      detail: `${shortDigest(digest)} is not in the store; its disk cannot be read without it.`,
      remedy:
        '"vmlab images verify --repair" finds an image that was moved; an archive or a backup of it brings it back, ' +
        "or an apply that gets the same bytes.",
    },
  );
}

async function unusedFindings(context: CommandContext, images: readonly RegistryImage[]): Promise<Finding[]> {
  const { effects, home } = context;
  const { bytesOf, longUnused } = await import("../../providers/images/registry/index.ts");
  let keepMs: number;
  try {
    keepMs = (await readHostConfig(effects, home)).store.keepMs;
  } catch (error) {
    // A config.toml that is wrong is a finding of its own.
    if (isDiagnosticsError(error)) return [];
    throw error;
  }
  const unused = longUnused(images, effects.clock.now(), keepMs);
  if (unused.length === 0) return [];
  const what = `${count(unused.length, "image")} (${formatSize(bytesOf(unused))}) ${unused.length === 1 ? "has" : "have"}`;
  return [
    trouble(
      "warning",
      "image/unused",
      `${what} been needed by nobody for ${formatDuration(keepMs)} or more`,
      {
        remedy: '"vmlab images prune" removes them, as the next apply does.',
      },
    ),
  ];
}

/** What such a lab leases is kept for ever. */
async function labFindings(context: CommandContext, users: ImageUsers): Promise<Finding[]> {
  const { files } = context.effects;
  const findings: Finding[] = [];
  for (const { name, folder, lineage, leases } of users.labs) {
    if ((await files.stat(folder)) !== undefined) continue;
    const kept = leases.length === 0 ? "" : `, which keeps ${count(leases.length, "image")} in the store`;
    findings.push(
      trouble("warning", "lab/folder-gone", `the folder of lab ${name} is gone${kept}`, {
        detail: `It was ${folder}.`,
        remedy: `If it is gone for good, remove ${join(context.home.labs, `${lineage}.json`)}. If it was moved, run "vmlab state adopt" and "vmlab apply" there.`,
      }),
    );
  }
  return findings;
}
