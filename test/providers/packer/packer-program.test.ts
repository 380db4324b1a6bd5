import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { nodeEffects } from "../../../engine/effects-node.ts";
import { homeFrom } from "../../../engine/home.ts";
import {
  dialectOf,
  findPacker,
  installedPluginVersions,
  parsePackerVersion,
} from "../../../providers/packer/packer-program.ts";
import { diagnosticsOf } from "../../support/guests/provider-rig.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";

const temporary = temporaryFolders();

test("the dialect follows the version", () => {
  const versions = ["1.5.6", "1.6.0", "1.6.6", "1.7.0", "1.9.4", "1.14.1", "2.0.0"];
  expect(versions.map(dialectOf)).toEqual([
    undefined,
    ...["builtin", "builtin", "plugin", "plugin", "plugin", "plugin"],
  ]);
});

test("versions are read from what Packer prints", () => {
  expect(parsePackerVersion("Packer v1.6.6\n")).toBe("1.6.6");
  expect(parsePackerVersion("Packer v1.9.4\n\nYour version of Packer is out of date!\n")).toBe("1.9.4");
  expect(parsePackerVersion("usage: packer [-x] dictionary\n")).toBeUndefined();
  const plugins =
    "/home/a/.config/packer/plugins/github.com/hashicorp/qemu/packer-plugin-qemu_v1.1.0_x5.0_linux_amd64\n";
  expect(installedPluginVersions(`${plugins}/x/packer-plugin-docker_v1.0.8_x5.0_linux_amd64\n`)).toEqual([
    "1.1.0",
  ]);
});

describe("Packer on PATH", () => {
  /** A program of that name, and where it notes how it is called. */
  async function withPacker(script: string) {
    const root = await temporary();
    const home = homeFrom({ VMLAB_HOME: join(root, "home") });
    const path = join(root, "bin", "packer");
    const calls = join(root, "calls");
    await mkdir(join(root, "bin"));
    await writeFile(path, `#!/bin/sh\necho "$1" >>${calls}\n${script}\n`);
    await chmod(path, 0o755);
    const real = nodeEffects();
    const effects = {
      ...real,
      processes: { ...real.processes, which: async (name: string) => (name === "packer" ? path : undefined) },
    };
    return { effects, home, path, calls: () => real.files.readText(calls) };
  }

  test("is asked once for its version, until its file changes", async () => {
    const { effects, home, path, calls } = await withPacker("echo Packer v1.6.6");
    const found = { path, version: "1.6.6", dialect: "builtin" };
    expect(await findPacker(effects, home, "role.a")).toEqual(found);
    expect(await findPacker(effects, home, "role.a")).toEqual(found);
    expect(await calls()).toBe("version\n");
    await writeFile(path, "#!/bin/sh\necho Packer v1.5.0\n");
    expect(await diagnosticsOf(findPacker(effects, home, "role.a"))).toMatchObject([
      { code: "image/packer-too-old", detail: `${path} is version 1.5.0.`, address: "role.a" },
    ]);
  });

  test("may be missing, or be another program", async () => {
    const { effects, home, path } = await withPacker("echo 'usage: packer DICTIONARY'; exit 1");
    expect(await diagnosticsOf(findPacker(effects, home, "role.a"))).toMatchObject([
      { code: "image/packer-missing", summary: expect.stringContaining(`${path} is another program`) },
    ]);
    const none = { ...effects, processes: { ...effects.processes, which: async () => undefined } };
    expect(await diagnosticsOf(findPacker(none, home, "role.a"))).toMatchObject([
      { code: "image/packer-missing", hint: expect.stringContaining("apt install packer") },
    ]);
  });

  test("has its plugin for QEMU, or is told how to get it", async () => {
    const withPlugin = (version: string) =>
      withPacker(
        `[ "$1" = version ] && echo Packer v1.10.0 || echo "/p/packer-plugin-qemu_v${version}_x5.0_linux_amd64"`,
      );
    const good = await withPlugin("1.1.2");
    expect((await findPacker(good.effects, good.home, "role.a")).dialect).toBe("plugin");
    const old = await withPlugin("1.0.10");
    expect(await diagnosticsOf(findPacker(old.effects, old.home, "role.a"))).toMatchObject([
      {
        code: "image/packer-plugin-missing",
        detail: "Only version 1.0.10 is installed.",
        hint: "Install it: packer plugins install github.com/hashicorp/qemu",
      },
    ]);
  });
});
