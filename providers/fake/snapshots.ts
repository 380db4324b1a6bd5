/** Snapshots of pretend machines. */
import { fail } from "../../engine/diagnostics.ts";
import type { JsonObject } from "../../engine/json.ts";
import type { SnapshotProvider } from "../provider.ts";
import type { FakeSnapshot, FakeWorld } from "./world.ts";

export function fakeSnapshots(world: FakeWorld): SnapshotProvider {
  return {
    async list(ids) {
      const machines = await world.machines();
      return new Map(
        ids.map((id) => [id, (machines.get(id)?.snapshots ?? []).map(({ of: _, ...snapshot }) => snapshot)]),
      );
    },
    async take(requests) {
      const group = requests.length > 1 ? (requests[0]?.spec.id ?? "") : undefined;
      const taken = [];
      // Whatever fails leaves all as they were.
      for (const { spec, name, description, record, context } of requests) {
        const machine = await world.existing(spec.id);
        await world.disturb("snapshot", spec.name, context.signal);
        if (machine.snapshots?.some((one) => one.name === name) === true) exists(spec.name, name);
        const snapshot: FakeSnapshot = {
          name,
          ...(description === undefined ? {} : { description }),
          createdAt: world.now(),
          memory: machine.state === "running",
          size: 0,
          ...(machine.at === undefined ? {} : { parent: machine.at }),
          ...(group === undefined ? {} : { group }),
          volumes: (spec.volumes ?? []).map((volume) => ({ name: volume.name, size: volume.size })),
          record,
          of: { attributes: machine.attributes, log: machine.log },
        };
        taken.push({ ...machine, snapshots: [...(machine.snapshots ?? []), snapshot], at: name });
      }
      for (const machine of taken) await world.put(machine);
    },
    async check(requests) {
      for (const { spec, name } of requests) {
        const machine = await world.existing(spec.id);
        if (machine.snapshots?.some((one) => one.name === name) !== true) gone(spec.name, name);
      }
    },
    async restore(requests) {
      const attributes = new Map<string, JsonObject>();
      for (const { spec, name, context } of requests) {
        const machine = await world.existing(spec.id);
        const snapshot = machine.snapshots?.find((one) => one.name === name);
        if (snapshot === undefined) return gone(spec.name, name);
        await world.disturb("snapshot-restore", spec.name, context.signal);
        const state = snapshot.memory ? "running" : "stopped";
        await world.put({ ...machine, ...snapshot.of, state, clean: true, at: name });
        attributes.set(spec.id, snapshot.of.attributes);
      }
      return attributes;
    },
    async remove(id, name, context) {
      const machine = await world.existing(id);
      const own = machine.snapshots?.find((one) => one.name === name);
      if (own === undefined) return;
      await world.disturb("snapshot-delete", machine.name, context.signal);
      const { at, ...rest } = machine;
      const now = at === name ? own.parent : at;
      await world.put({
        ...rest,
        ...(now === undefined ? {} : { at: now }),
        snapshots: (machine.snapshots ?? []).flatMap((one) => {
          if (one.name === name) return [];
          if (one.parent !== name) return [one];
          const { parent: _, ...other } = one;
          return [{ ...other, ...(own.parent === undefined ? {} : { parent: own.parent }) }];
        }),
      });
    },
  };
}

function exists(vm: string, name: string): never {
  return fail({
    code: "fake/snapshot-exists",
    address: `vm.${vm}`,
    summary: `${vm} has a snapshot ${name} already`,
    hint: "Choose another name.",
  });
}

function gone(vm: string, name: string): never {
  return fail({
    code: "fake/no-such-snapshot",
    address: `vm.${vm}`,
    summary: `${vm} has no snapshot ${name}`,
    hint: `It has these: vmlab snapshot list ${vm}`,
  });
}
