import { describe, expect, test } from "@jest/globals";
import { palette } from "../../../cli/palette.ts";
import { renderPlan } from "../../../cli/render/plan.ts";
import { explain } from "../../../cli/render/reasons.ts";
import type { Change, Plan } from "../../../engine/plan/types.ts";

const GIB = 1024 ** 3;

function change(fields: Partial<Change> & Pick<Change, "address" | "action" | "summary">): Change {
  const [type = "vm", name = ""] = fields.address.split(".");
  return {
    type: type as Change["type"],
    name,
    provider: "qemu",
    reasons: [],
    attributes: [],
    after_changes: [],
    ...fields,
  };
}

const CHANGES: readonly Change[] = [
  change({
    address: "image.noble",
    action: "create",
    summary: "download 612 MiB",
    reasons: [{ kind: "new" }],
    place: "lab.toml:14",
  }),
  change({
    address: "image.k8s",
    action: "build",
    summary: "rebuild",
    before: {},
    reasons: [{ kind: "file", path: "scripts/k8s.sh", added: 3, removed: 1 }],
    place: "lab.toml:22",
    estimateMs: 360_000,
  }),
  change({
    address: "vm.k8s-cp",
    action: "replace",
    summary: "replace",
    reasons: [{ kind: "dependency", address: "image.k8s" }],
    place: "lab.toml:60",
    estimateMs: 40_000,
    after_changes: [2],
  }),
  change({
    address: "vm.web",
    action: "update",
    summary: "memory 1 GiB → 2 GiB (restart)",
    reasons: [{ kind: "attribute", path: "memory", change: "restart" }],
    attributes: [
      { path: ["memory"], before: GIB, after: 2 * GIB, change: "restart", sensitive: false, unknown: false },
      {
        path: ["login", "password"],
        before: "secret",
        after: "other",
        change: "live",
        sensitive: true,
        unknown: false,
      },
    ],
    place: "lab.toml:44",
    estimateMs: 20_000,
  }),
];

const PLAN: Plan = {
  format: 1,
  tool: "0.1.0",
  lab: "demo",
  mode: "normal",
  lineage: "0123456789abcdef",
  basis: { serial: 41, journalSequence: 0 },
  providers: {},
  sources: [],
  changes: CHANGES,
  operations: [],
  resources: {},
  observations: [],
  notes: [{ address: "vm.db", text: "is stopped on request; `vmlab start db` starts it" }],
  outputs: [],
  checks: [],
  values: { vars: {}, sensitiveVars: {}, vms: {}, scopes: {} },
  needs: {
    download: 612 * 1024 ** 2,
    disk: { need: 14 * GIB, free: 80 * GIB, limit: 80 * GIB },
    memory: { need: 10 * GIB, free: 21 * GIB, limit: 21 * GIB },
    cpus: { need: 6, free: 2, limit: 8 },
  },
  estimateMs: 480_000,
  dataLoss: [{ address: "vm.k8s-cp", what: "disk", size: 20 * GIB, final: false }],
  unchanged: 3,
  cleanup: false,
};

const layout = { palette: palette(false), details: false, trashKept: "7 days" };

describe("a plan on the screen", () => {
  test("in 200 columns stands with one line for each change and what people need to decide", () => {
    expect(renderPlan(PLAN, { ...layout, width: 200 })).toBe(`vmlab plan · demo · state #41

  1  +  image.noble  download 612 MiB                           lab.toml:14
  2  ±  image.k8s    rebuild  ← scripts/k8s.sh changed (+3 −1)  lab.toml:22   ~6m
  3  ±  vm.k8s-cp    replace  ← image.k8s                       lab.toml:60  ~40s  after 2
  4  ~  vm.web       memory 1 GiB → 2 GiB (restart)             lab.toml:44  ~20s

Plan: 1 to create, 1 to update, 2 to replace, 0 to delete. About 8m.
Needs: 612 MiB download, 14 GiB disk (of 80 GiB free), 10 GiB memory (of 21 GiB free), 6 vCPUs (limit 8).
Data loss: vm.k8s-cp disk (20 GiB). Kept in the trash for 7 days.
Note: vm.db is stopped on request; \`vmlab start db\` starts it
`);
  });

  test("tells of all disks and volumes where there is a limit for them", () => {
    const disks = { need: 60 * GIB, free: 140 * GIB, limit: 200 * GIB };
    const plan = { ...PLAN, changes: [], needs: { ...PLAN.needs, disks } };
    expect(renderPlan(plan, { ...layout, width: undefined })).toContain(
      "\nNeeds: 612 MiB download, 14 GiB disk (of 80 GiB free), 60 GiB of disks and volumes (of 140 GiB that limits.disk leaves), 10 GiB memory (of 21 GiB free), 6 vCPUs (limit 8).\n",
    );
  });

  test("in 80 columns wraps what does not fit and loses nothing", () => {
    const text = renderPlan(PLAN, { ...layout, width: 80 });
    expect(text).toBe(`vmlab plan · demo · state #41

  1  +  image.noble  download 612 MiB                 lab.toml:14
  2  ±  image.k8s    rebuild  ← scripts/k8s.sh        lab.toml:22   ~6m
                     changed (+3 −1)
  3  ±  vm.k8s-cp    replace  ← image.k8s             lab.toml:60  ~40s  after 2
  4  ~  vm.web       memory 1 GiB → 2 GiB (restart)   lab.toml:44  ~20s

Plan: 1 to create, 1 to update, 2 to replace, 0 to delete. About 8m.
Needs: 612 MiB download, 14 GiB disk (of 80 GiB free), 10 GiB memory (of 21 GiB
free), 6 vCPUs (limit 8).
Data loss: vm.k8s-cp disk (20 GiB). Kept in the trash for 7 days.
Note: vm.db is stopped on request; \`vmlab start db\` starts it
`);
    expect(Math.max(...text.split("\n").map((line) => [...line].length))).toBeLessThanOrEqual(80);
  });

  test("with --details lists attributes below their change and masks sensitive ones", () => {
    const plan = { ...PLAN, changes: CHANGES.slice(3), notes: [], dataLoss: [], needs: {} };
    expect(renderPlan(plan, { ...layout, details: true, width: 100 })).toBe(`vmlab plan · demo · state #41

  1  ~  vm.web  memory 1 GiB → 2 GiB (restart)  lab.toml:44  ~20s
        memory          1 GiB → 2 GiB  restart
        login.password  (sensitive)

Plan: 0 to create, 1 to update, 0 to replace, 0 to delete. About 8m.
`);
  });

  test("without changes says so", () => {
    const plan = { ...PLAN, changes: [], notes: [], dataLoss: [], needs: {} };
    expect(renderPlan(plan, { ...layout, width: 80 })).toBe(`vmlab plan · demo · state #41

No changes. 3 resources are as declared.
`);
  });

  test("explains a whole chain of causes", () => {
    expect(explain(PLAN, "vm.k8s-cp")).toEqual([
      "vm.k8s-cp is replaced (lab.toml:60)",
      "  because image.k8s is built: rebuild (lab.toml:22)",
      "    because the file scripts/k8s.sh changed (+3 −1)",
    ]);
    expect(explain(PLAN, "vm.db")).toEqual(["vm.db does not change."]);
  });
});
