/** What Packer gets for every role of the catalogue, on both distributions, in both dialects. */
import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { Ajv } from "ajv";
import { assetPath } from "../../../engine/asset-path.ts";
import { catalogue, catalogueSteps, checkOptions } from "../../../engine/config/catalogue.ts";
import { buildScripts } from "../../../providers/packer/build-scripts.ts";
import { buildTemplate, type TemplateInputs } from "../../../providers/packer/template.ts";
import { temporaryFolders } from "../../support/temporary-folder.ts";

const run = promisify(execFile);
const temporary = temporaryFolders();

const text = { type: "string" };
const count = { type: "integer", minimum: 1 };
const flag = { type: "boolean" };
const time = { type: "string", pattern: "^-?[0-9]+[ms]$" };

/** The options of the plugin's QEMU builder that a build may use (its documentation: "Qemu Builder", release 1.1). */
const BUILDER = {
  type: "object",
  additionalProperties: false,
  required: ["iso_url", "iso_checksum", "ssh_username", "shutdown_command"],
  properties: {
    accelerator: { enum: ["kvm", "tcg", "hvf"] },
    boot_wait: time,
    communicator: { const: "ssh" },
    cpus: count,
    disable_vnc: flag,
    disk_cache: { enum: ["writethrough", "writeback", "none", "unsafe", "directsync"] },
    disk_detect_zeroes: { enum: ["unmap", "on", "off"] },
    disk_discard: { enum: ["unmap", "ignore"] },
    disk_image: flag,
    disk_interface: { enum: ["ide", "sata", "scsi", "virtio", "virtio-scsi"] },
    disk_size: { type: "string", pattern: "^[0-9]+[bKMGT]?$" },
    format: { enum: ["qcow2", "raw"] },
    headless: flag,
    iso_checksum: text,
    iso_url: text,
    machine_type: text,
    memory: count,
    net_device: text,
    output_directory: text,
    qemuargs: { type: "array", items: { type: "array", items: text, minItems: 1, maxItems: 2 } },
    shutdown_command: text,
    shutdown_timeout: time,
    skip_compaction: flag,
    skip_resize_disk: flag,
    ssh_handshake_attempts: count,
    ssh_private_key_file: text,
    ssh_timeout: time,
    ssh_username: text,
    use_backing_file: flag,
    vm_name: text,
  },
};

/** A template for Packer 1.9 and newer, as the documentation of its JSON syntax of HCL2 describes it. */
const TEMPLATE = {
  type: "object",
  additionalProperties: false,
  required: ["packer", "source", "build"],
  properties: {
    packer: {
      type: "object",
      additionalProperties: false,
      properties: {
        required_plugins: {
          type: "object",
          additionalProperties: {
            type: "object",
            additionalProperties: false,
            required: ["source", "version"],
            properties: { source: text, version: text },
          },
        },
      },
    },
    source: {
      type: "object",
      additionalProperties: false,
      properties: { qemu: { type: "object", additionalProperties: BUILDER } },
    },
    build: {
      type: "array",
      items: {
        type: "object",
        additionalProperties: false,
        required: ["sources"],
        properties: {
          sources: { type: "array", items: { type: "string", pattern: "^source\\.qemu\\." } },
          provisioner: {
            type: "array",
            items: {
              type: "object",
              minProperties: 1,
              maxProperties: 1,
              additionalProperties: false,
              properties: {
                shell: {
                  type: "object",
                  additionalProperties: false,
                  required: ["script"],
                  properties: { script: text, execute_command: text },
                },
                file: {
                  type: "object",
                  additionalProperties: false,
                  required: ["source", "destination"],
                  properties: { source: text, destination: text },
                },
              },
            },
          },
        },
      },
    },
  },
};

const roles = Object.values(catalogue).flatMap((role) =>
  Object.keys(role.on).map((os) => [role.name, os] as const),
);
const documented = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(TEMPLATE);
let installed = "";

beforeAll(async () => {
  const { stdout } = await run("packer", ["version"], { env: { ...process.env, CHECKPOINT_DISABLE: "1" } });
  installed = stdout;
});

/** The files that a build of a role hands to Packer. */
async function built(name: string, os: string) {
  const role = catalogue[name];
  if (role === undefined) throw new Error(`no role ${name}`);
  const checked = checkOptions(role, {}, os);
  if ("problem" in checked) throw new Error(checked.problem.message);
  const { steps, disk, memory } = catalogueSteps(role, os, checked.options);
  const recipe = await Promise.all(
    steps.map(async (step) =>
      step.kind === "catalogue-script"
        ? { step, content: await readFile(assetPath(`roles/${step.role}/${step.script}`)) }
        : { step },
    ),
  );
  const { scripts, payload } = buildScripts(recipe, {
    prepare: await readFile(assetPath("providers/packer/prepare.sh"), "utf8"),
    seal: await readFile(assetPath("providers/images/seal.sh"), "utf8"),
  });
  const inputs: TemplateInputs = {
    accelerator: "tcg",
    cpus: 2,
    memory,
    disk,
    scripts,
    hasPayload: payload.length > 0,
  };
  return { inputs, scripts, payload };
}

describe.each(roles)("%s on %s", (name, os) => {
  test("is what the installed Packer takes", async () => {
    const { inputs, scripts, payload } = await built(name, os);
    const dialect = /v1\.6\./.test(installed) ? "builtin" : "plugin";
    const folder = await temporary();
    const files: [string, string | Buffer][] = [
      ["build.pkr.json", JSON.stringify(buildTemplate(inputs, dialect))],
      ["parent/disk.qcow2", ""],
      ["key", ""],
      ...scripts.map(({ path, text }): [string, string] => [path, text]),
      ...payload.map(({ path, content }): [string, Buffer] => [path, content]),
    ];
    for (const [path, content] of files) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), content);
    }
    await writeFile(join(folder, "key"), "", { flag: "w" });
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(folder, "own")]);
    await writeFile(join(folder, "key"), await readFile(join(folder, "own")), { mode: 0o600 });
    const { stderr } = await run("packer", ["validate", "build.pkr.json"], {
      cwd: folder,
      env: {
        ...process.env,
        CHECKPOINT_DISABLE: "1",
        TMPDIR: folder,
        PACKER_CACHE_DIR: join(folder, "cache"),
      },
    });
    expect(stderr).toBe("");
    await run("shellcheck", ["--severity=warning", ...scripts.map(({ path }) => join(folder, path))]);
  }, 60_000);

  test("is what the documentation of newer ones describes", async () => {
    const { inputs } = await built(name, os);
    documented(JSON.parse(JSON.stringify(buildTemplate(inputs, "plugin"))));
    expect(documented.errors ?? []).toEqual([]);
  });
});
