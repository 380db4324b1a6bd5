/**
 * A Packer template of the user's own (`packer = "PATH"` in a role or image), in HCL2 (`.pkr.hcl`, `.pkr.json`). It runs
 * in the build's folder and gets these variables, of which it declares those that it uses; numbers and lists come as
 * HCL. What it has to do: boot vmlab_base_disk as an overlay of it (`disk_image`, `use_backing_file`), attach vmlab_seed as
 * a CD, log in as root with vmlab_key, upload vmlab_payload and run vmlab_scripts in order, and leave the disk at
 * vmlab_output_directory/vmlab_disk_name.
 *
 * | variable | what it is |
 * |---|---|
 * | `vmlab_base_disk` | path of the parent's disk, never to be written to: `iso_url` |
 * | `vmlab_output_directory`, `vmlab_disk_name` | where the overlay is to lie: `output_directory`, `vm_name` |
 * | `vmlab_disk_size` | virtual size, as Packer's `disk_size` takes it |
 * | `vmlab_key` | path of the private key by which root logs in: `ssh_private_key_file` |
 * | `vmlab_seed` | path of the cloud-init seed, an ISO image |
 * | `vmlab_accelerator`, `vmlab_cpu` | `tcg`, `kvm` or `hvf`; the `-cpu` that goes with it |
 * | `vmlab_cpus`, `vmlab_memory` | vCPUs; memory in MiB |
 * | `vmlab_scripts` | list of paths: prepares, carries out each step, seals. They run as root with `sh` |
 * | `vmlab_payload`, `vmlab_payload_target` | folder with the steps' files, and where in the guest they are expected, after the first script |
 * | `vmlab_lab_folder` | absolute path of the lab; files read from there do not count in the image's key |
 */
import { fail } from "../../engine/diagnostics.ts";
import { BUILD_FILES, cpuModel, GUEST_FOLDER, type TemplateInputs } from "./template.ts";

/** The variables as Packer takes them from its environment. Undeclared ones are no error there. */
export function templateVariables(inputs: TemplateInputs, labFolder: string): Record<string, string> {
  const variables: Record<string, string> = {
    base_disk: BUILD_FILES.parentDisk,
    output_directory: BUILD_FILES.output,
    disk_name: BUILD_FILES.disk,
    disk_size: `${inputs.disk}b`,
    key: BUILD_FILES.key,
    seed: BUILD_FILES.seed,
    accelerator: inputs.accelerator,
    cpu: cpuModel(inputs.accelerator),
    cpus: String(inputs.cpus),
    memory: String(Math.ceil(inputs.memory / 2 ** 20)),
    scripts: JSON.stringify(inputs.scripts.map(({ path }) => path)),
    payload: `${BUILD_FILES.payload}/`,
    payload_target: `${GUEST_FOLDER}/`,
    lab_folder: labFolder,
  };
  return Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [`PKR_VAR_vmlab_${name}`, value]),
  );
}

/** The name under which a template is copied: Packer tells the language by it. */
export function templateName(path: string): string {
  return path.endsWith(".json") ? BUILD_FILES.template : "build.pkr.hcl";
}

/** A template that leaves out a script, above all the sealing, makes an image that must not be used. */
export function requireAllScripts(
  inputs: Pick<TemplateInputs, "scripts">,
  begun: readonly string[],
  template: string,
  address: string,
): void {
  const missing = inputs.scripts.filter(({ path }) => !begun.includes(path));
  if (missing.length === 0) return;
  fail({
    code: "image/template-unusable",
    summary: `${template} does not carry out the recipe of ${address}`,
    detail: `It did not run: ${missing.map(({ path, label }) => `${path} (${label})`).join(", ")}.`,
    hint: 'Run all of var.vmlab_scripts in a shell provisioner: scripts = var.vmlab_scripts, execute_command = "{{ .Vars }} sh {{ .Path }}".',
    address,
  });
}
