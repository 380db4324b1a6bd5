/** The folder in which an image is built, with all that a build leaves: processes, a throw-away VM, sockets elsewhere. */
import { join } from "node:path";
import type { Effects, ProcessIdentity } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import { recoverBuildSlots } from "../../engine/host/build-slots.ts";
import { withHostLock } from "../../engine/host/host-lock.ts";
import { ownOwner } from "../images/owner.ts";
import {
  claimWorkplace,
  deadWorkplaces,
  newWorkplaceId,
  removeWorkplace,
  updateOwner,
  type Workplace,
  workplaceFolder,
} from "../images/workplace.ts";
import type { VmProvider } from "../provider.ts";
import { endBuildProcesses } from "./build-processes.ts";
import { removeVerificationVm } from "./verify-image.ts";

export interface BuildPlace extends Workplace {
  /** Id of the throw-away VM in which the image is verified. */
  readonly vm: string;
  /** For Packer's sockets. */
  readonly temporary: string;
  /** Leaves folder and machine to the user for as long as the machine runs. */
  keep(machine: ProcessIdentity): Promise<void>;
}

/** What follows the folder's path in a socket's. */
const SOCKET_NAME = "/packer-plugin1234567890";
/** Of Unix sockets' paths on Linux and macOS, with the NUL at the end. */
const SOCKET_PATH_BYTES = 104;

/** Runs `use` with a fresh place, of which nothing is left afterwards. `uses`: images that must stay meanwhile. */
export async function withBuildPlace<Result>(
  effects: Effects,
  home: Home,
  machines: VmProvider,
  uses: readonly string[],
  use: (place: BuildPlace) => Promise<Result>,
): Promise<Result> {
  const id = newWorkplaceId(effects);
  const folder = workplaceFolder(home, id);
  const inside = join(folder, "tmp");
  const short = Buffer.byteLength(`${inside}${SOCKET_NAME}`) < SOCKET_PATH_BYTES;
  const temporary = short ? inside : join(effects.host.env.TMPDIR || "/tmp", `vmlab-build-${id}`);
  const outside = short ? [] : [temporary];
  // All that a crash can leave follows from what is durable here: the mark of processes is the id, and so is the VM's.
  const owner = { ...(await ownOwner(effects, outside, uses)), build: { vm: id } };
  await claimWorkplace(effects, home, id, owner);
  let kept = false;
  try {
    await effects.files.makeDir(folder);
    await effects.files.makeDir(temporary);
    return await use({
      id,
      folder,
      vm: id,
      temporary,
      keep: async ({ pid, startTime }) => {
        // The place belongs to the machine from now on, and is cleared away when that has ended.
        await updateOwner(effects, home, id, { ...owner, pid, startTime });
        kept = true;
      },
    });
  } finally {
    // What cannot be cleared away now is left to the next recovery; how the build went is what counts here.
    if (!kept) await clearAway(effects, home, machines, { id, vm: id, outside }).catch(() => false);
  }
}

/** Clears away what dead processes left of their builds. Resolves with the ids. */
export async function recoverBuilds(
  effects: Effects,
  home: Home,
  machines: VmProvider,
): Promise<readonly string[]> {
  await recoverBuildSlots(effects, home);
  if ((await deadBuilds(effects, home)).length === 0) return [];
  const cleared: string[] = [];
  await withHostLock(
    effects,
    home,
    "build-recovery",
    async () => {
      for (const { id, vm, outside } of await deadBuilds(effects, home)) {
        if (await clearAway(effects, home, machines, { id, vm, outside })) cleared.push(id);
      }
    },
    { command: "build" },
  );
  return cleared;
}

interface BuildRemains {
  readonly id: string;
  readonly vm: string;
  readonly outside: readonly string[];
}

async function deadBuilds(effects: Effects, home: Home): Promise<readonly BuildRemains[]> {
  const dead: BuildRemains[] = [];
  for (const { id, owner } of await deadWorkplaces(effects, home)) {
    if (owner?.build === undefined) continue;
    dead.push({ id, vm: owner.build.vm, outside: owner.folders });
  }
  return dead;
}

/** What cannot be ended keeps its folder and owner, and is tried again by the next recovery. */
async function clearAway(
  effects: Effects,
  home: Home,
  machines: VmProvider,
  { id, vm, outside }: BuildRemains,
): Promise<boolean> {
  if (!(await endBuildProcesses(effects, id))) return false;
  await removeVerificationVm(machines, vm);
  return removeWorkplace(effects, home, id, outside);
}
