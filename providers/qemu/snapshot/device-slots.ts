/**
 * In which PCI slots a machine has the devices that may come and go while it runs: memory can be restored only into a
 * machine that has each of them where its guest found it.
 */
import type { QmpConnection } from "../qmp.ts";

/** By the device's id, as QEMU's `addr` property takes it. */
export async function deviceSlots(qmp: QmpConnection): Promise<Readonly<Record<string, string>>> {
  const devices = (await qmp.execute("qom-list", { path: "/machine/peripheral" })) as { name: string }[];
  const slots: Record<string, string> = {};
  for (const { name } of devices) {
    if (!/^(volume-[0-9a-f]{12}|share\d+)-device$/.test(name)) continue;
    const path = `/machine/peripheral/${name}`;
    // "08.0": the slot and the function (qdev's PCI_DEVFN).
    slots[name] = String(await qmp.execute("qom-get", { path, property: "legacy-addr" }));
  }
  return slots;
}
