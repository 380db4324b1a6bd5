/** Empties the trash of what has lain there long enough. */
import { readHostConfig } from "../host/host-config.ts";
import type { Run } from "./run.ts";

export async function expireTrash(run: Run): Promise<void> {
  const { effects, home, events } = run.workspace;
  const { keepMs } = (await readHostConfig(effects, home)).trash;
  const oldest = effects.clock.now() - keepMs;
  for (const vm of await run.providers.vm.trash()) {
    if (vm.deletedAt > oldest) continue;
    await run.providers.vm.emptyTrash(vm.id);
    events({ type: "note", text: `${vm.name} of lab ${vm.lab} left the trash for good` });
  }
  for (const volume of await run.providers.volume.trash()) {
    if (volume.deletedAt > oldest) continue;
    await run.providers.volume.emptyTrash(volume.id);
    events({ type: "note", text: `volume.${volume.name} of lab ${volume.lab} left the trash for good` });
  }
}
