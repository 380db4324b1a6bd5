import type { Effects } from "../../effects.ts";
import { isHolderAlive } from "../../state/lock-holder.ts";
import type { ProcessMark } from "./record.ts";

type MarkEffects = Pick<Effects, "processes" | "host">;

/** This process. */
export async function ownMark(effects: MarkEffects): Promise<ProcessMark> {
  const { processes, host } = effects;
  const self = await processes.identify(processes.self);
  return {
    pid: processes.self,
    startTime: self?.startTime ?? "",
    bootId: await host.bootId(),
    host: await host.hostId(),
    hostName: host.hostName(),
  };
}

/** Whether a process still runs; undefined when it is on another host, of which nothing can be proved. */
export function isAlive(effects: MarkEffects, mark: ProcessMark): Promise<boolean | undefined> {
  return isHolderAlive(effects, mark);
}
