/** What the firmware of a Debian that boots with UEFI remembers is a part of its snapshots, its clones and its sleep. */
import { afterAll, expect } from "@jest/globals";
import { CliLab } from "../support/cli-lab.ts";
import { bookworm } from "../support/guests/bookworm.ts";
import { longTest } from "../support/long-test.ts";

/** A variable of our own: a vendor's GUID, which nothing else uses. */
const VARIABLE = "/sys/firmware/efi/efivars/VmlabTest-5f3a1c1e-6a1b-4a52-9d0e-6f1f0f4a7b11";
let lab: CliLab;
afterAll(() => lab.dispose());

/** Attributes first (kept, at boot and at run time), then the value (Linux, Documentation/filesystems/efivarfs.rst). */
const remember = (vm: string, text: string) =>
  lab.ok(
    ...["exec", vm, "--root", "--"],
    `if [ -e ${VARIABLE} ]; then chattr -i ${VARIABLE}; fi; printf '\\007\\000\\000\\000${text}' > ${VARIABLE}`,
  );
const remembered = async (vm: string) => (await lab.guest(vm, `cat ${VARIABLE} | tail -c +5`)).trim();

longTest(
  "UEFI variables come back with a snapshot, stay through a suspension, and go along with a clone",
  async () => {
    lab = await CliLab.create(`lab = { name = "uefi" }
[images]
bookworm = { path = "${await bookworm()}", user = "debian" }
[vms.web]
image = "bookworm"
firmware = "uefi"
memory = "512MiB"
disk = "3GiB"
`);
    await lab.ok("apply", "--yes");
    await remember("web", "one");
    await lab.ok("snapshot", "create", "web", "--name", "one");
    await remember("web", "two");
    await lab.ok("snapshot", "restore", "web", "--name", "one", "--yes");
    expect(await remembered("web")).toBe("one");

    await remember("web", "three");
    await lab.ok("suspend", "web");
    await lab.ok("resume", "web");
    expect(await remembered("web")).toBe("three");

    // Off: the variables are in a file, and the next boot reads them.
    await lab.ok("stop", "web");
    await lab.ok("snapshot", "create", "web", "--name", "three");
    await lab.ok("start", "web");
    await remember("web", "four");
    await lab.ok("snapshot", "restore", "web", "--name", "three", "--yes");
    expect(await remembered("web")).toBe("three");

    await remember("web", "five");
    await lab.ok("clone", "web", "past", "--from-snapshot", "one", "--yes");
    expect(await remembered("past")).toBe("one");
    await lab.ok("clone", "web", "copy", "--yes");
    expect(await remembered("copy")).toBe("five");
    await remember("copy", "six");
    expect(await remembered("web")).toBe("five");
    expect(await lab.ok("plan")).toContain("No changes.");
  },
  3_600_000,
);
