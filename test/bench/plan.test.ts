/** How quick start-up and planning are: medians and ratios of one run. */
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { measure, measureNode, median, repeat, report } from "./measure.ts";

const VMLAB = join(import.meta.dirname, "../../dist/vmlab.js");
const VMS = 10_000;
let root: string;
let env: Record<string, string>;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "vmlab-bench-"));
  env = { VMLAB_HOME: join(root, "home") };
});
afterAll(() => rm(root, { recursive: true, force: true }));

test("vmlab --version takes less than twice an empty node", () => {
  const [empty, version] = [
    ["-e", "0"],
    [VMLAB, "--version"],
  ].map((args) => median(repeat(15, () => measure(root, process.execPath, args).wallMs)));
  const ratio = (version ?? 0) / (empty ?? 1);
  report(
    `vmlab --version ${version?.toFixed(0)} ms, node -e 0 ${empty?.toFixed(0)} ms: ratio ${ratio.toFixed(2)} (limit 2.0)`,
  );
  expect(ratio).toBeLessThan(2);
});

test("a no-op plan of 10,000 VMs takes under 1.5 s and 350 MB", async () => {
  const lab = join(root, "lab");
  await mkdir(lab);
  const tables = Array.from(
    { length: VMS },
    (_, index) =>
      `[vms.vm-${index}]\nmemory = "1GiB"\ncpus = 2\nports = ["80"]\nlabels = { tier = "t${index % 7}" }\n`,
  );
  await writeFile(
    join(lab, "lab.toml"),
    `lab = { name = "big", provider = "fake", image = "base" }\n[images]\nbase = { bootstrap = { distribution = "debian", suite = "bookworm" } }\n${tables.join("")}`,
  );
  const apply = measureNode(root, [VMLAB, "-C", lab, "apply", "--yes", "--parallelism", "200"], env);
  report(
    `apply of ${VMS} pretend VMs: ${(apply.wallMs / 1000).toFixed(1)} s, ${(apply.peakBytes / 1e6).toFixed(0)} MB`,
  );
  const runs = repeat(5, () => measureNode(root, [VMLAB, "-C", lab, "plan"], env));
  const wallMs = median(runs.map((run) => run.wallMs));
  const cpuMs = median(runs.map((run) => run.cpuMs));
  const peak = median(runs.map((run) => run.peakBytes));
  report(
    `no-op plan of ${VMS} VMs: ${wallMs.toFixed(0)} ms (CPU ${cpuMs.toFixed(0)} ms, limit 1500), ${(peak / 1e6).toFixed(0)} MB (limit 350)`,
  );
  expect(runs[0]?.stdout).toContain("No changes");
  expect(wallMs).toBeLessThan(1500);
  expect(peak).toBeLessThan(350e6);

  const terraform = await terraformPlanMs();
  if (terraform === undefined) report("terraform: not on the PATH, nothing to compare with");
  else
    report(
      `terraform plan of ${VMS} terraform_data: ${terraform.toFixed(0)} ms: vmlab takes ${(wallMs / terraform).toFixed(3)} of it`,
    );
});

/** Wall time of a no-op `terraform plan` of as many built-in resources; undefined without a terraform binary. */
async function terraformPlanMs(): Promise<number | undefined> {
  if (spawnSync("terraform", ["version"]).status !== 0) return undefined;
  const folder = join(root, "terraform");
  await mkdir(folder);
  await writeFile(
    join(folder, "main.tf"),
    `resource "terraform_data" "vm" {\n  count = ${VMS}\n  input = { memory = "1GiB", cpus = 2, name = "vm-\${count.index}" }\n}\n`,
  );
  await writeFile(join(folder, "terraform.tfstate"), JSON.stringify(terraformState()));
  measure(folder, "terraform", ["init", "-input=false"]);
  const runs = repeat(1, () => measure(folder, "terraform", ["plan", "-input=false", "-refresh=true"]));
  expect(runs[0]?.stdout).toContain("No changes");
  return median(runs.map((run) => run.wallMs));
}

/** The state after an apply of those resources, written down because Terraform needs more than a minute to make it. */
function terraformState(): object {
  const type = ["object", { cpus: "number", memory: "string", name: "string" }];
  const instances = Array.from({ length: VMS }, (_, index) => {
    const value = { cpus: 2, memory: "1GiB", name: `vm-${index}` };
    const attributes = {
      id: `00000000-0000-4000-8000-${String(index).padStart(12, "0")}`,
      input: { value, type },
      output: { value, type },
      triggers_replace: null,
    };
    return { index_key: index, schema_version: 0, attributes, sensitive_attributes: [] };
  });
  return {
    version: 4,
    terraform_version: "1.11.4",
    serial: 1,
    lineage: "00000000-0000-4000-8000-000000000000",
    outputs: {},
    resources: [
      {
        mode: "managed",
        type: "terraform_data",
        name: "vm",
        provider: 'provider["terraform.io/builtin/terraform"]',
        instances,
      },
    ],
    check_results: null,
  };
}
