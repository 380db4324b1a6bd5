/** All commands: what help lists, and where each is loaded from when it is used. */
import type { CommandModule } from "./define-command.ts";

export interface TableEntry {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly group: Group;
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
}

export type Group = (typeof GROUPS)[number];

export const GROUPS = ["The lab", "Plan and apply", "Machines", "State and host"] as const;

export const COMMANDS: readonly TableEntry[] = [
  {
    name: "init",
    group: "The lab",
    summary: "Write a starter lab.toml",
    load: () => import("./commands/init.ts"),
  },
  {
    name: "validate",
    group: "The lab",
    summary: "Check lab.toml",
    load: () => import("./commands/validate.ts"),
  },
  { name: "fmt", group: "The lab", summary: "Format lab.toml", load: () => import("./commands/fmt.ts") },
  {
    name: "schema",
    group: "The lab",
    summary: "Print the JSON Schema of lab.toml",
    load: () => import("./commands/schema.ts"),
  },
  {
    name: "graph",
    group: "The lab",
    summary: "Show what depends on what",
    load: () => import("./commands/graph.ts"),
  },
  {
    name: "eval",
    group: "The lab",
    summary: "Evaluate an expression",
    load: () => import("./commands/eval.ts"),
  },
  {
    name: "plan",
    group: "Plan and apply",
    summary: "Show what apply would do",
    load: () => import("./commands/plan.ts"),
  },
  {
    name: "apply",
    group: "Plan and apply",
    summary: "Make the lab what lab.toml says",
    load: () => import("./commands/apply.ts"),
  },
  {
    name: "destroy",
    group: "Plan and apply",
    summary: "Delete what the lab has made",
    load: () => import("./commands/destroy.ts"),
  },
  {
    name: "import",
    group: "Plan and apply",
    summary: "Take a machine that no lab owns into this one",
    load: () => import("./commands/import.ts"),
  },
  {
    name: "show",
    group: "Plan and apply",
    summary: "Show the state or a saved plan",
    load: () => import("./commands/show.ts"),
  },
  {
    name: "output",
    group: "Plan and apply",
    summary: "Show the lab's outputs",
    load: () => import("./commands/output.ts"),
  },
  {
    name: "create",
    group: "Machines",
    summary: "Add a VM to lab.toml and make it",
    load: () => import("./commands/create.ts"),
  },
  {
    name: "clone",
    group: "Machines",
    summary: "Add a copy of a VM to lab.toml and make it",
    load: () => import("./commands/clone.ts"),
  },
  {
    name: "delete",
    group: "Machines",
    summary: "Remove VMs from lab.toml and delete them",
    load: () => import("./commands/delete.ts"),
  },
  {
    name: "list",
    aliases: ["ls"],
    group: "Machines",
    summary: "List the VMs",
    load: () => import("./commands/list.ts"),
  },
  { name: "start", group: "Machines", summary: "Start VMs", load: () => import("./commands/start.ts") },
  { name: "stop", group: "Machines", summary: "Stop VMs", load: () => import("./commands/stop.ts") },
  { name: "restart", group: "Machines", summary: "Restart VMs", load: () => import("./commands/restart.ts") },
  { name: "ssh", group: "Machines", summary: "Log in to a VM", load: () => import("./commands/ssh.ts") },
  {
    name: "pause",
    group: "Machines",
    summary: "Make VMs stand still",
    load: () => import("./commands/pause.ts"),
  },
  {
    name: "resume",
    group: "Machines",
    summary: "Let paused and suspended VMs go on",
    load: () => import("./commands/resume.ts"),
  },
  {
    name: "suspend",
    group: "Machines",
    summary: "Save the memory of VMs and power them off",
    load: () => import("./commands/suspend.ts"),
  },
  {
    name: "exec",
    group: "Machines",
    summary: "Run a command in VMs",
    load: () => import("./commands/exec.ts"),
  },
  {
    name: "cp",
    group: "Machines",
    summary: "Copy files into and out of VMs",
    load: () => import("./commands/cp.ts"),
  },
  {
    name: "port",
    group: "Machines",
    summary: "List, add and remove forwarded ports of a running VM",
    load: () => import("./commands/port.ts"),
  },
  {
    name: "ip",
    group: "Machines",
    summary: "Show the addresses of VMs",
    load: () => import("./commands/ip.ts"),
  },
  {
    name: "ssh-config",
    group: "Machines",
    summary: "Print or install an OpenSSH configuration of the lab",
    load: () => import("./commands/ssh-config.ts"),
  },
  {
    name: "inventory",
    group: "Machines",
    summary: "Print an Ansible inventory of the lab",
    load: () => import("./commands/inventory.ts"),
  },
  {
    name: "console",
    group: "Machines",
    summary: "Open a VM's serial console",
    load: () => import("./commands/console.ts"),
  },
  {
    name: "logs",
    group: "Machines",
    summary: "Show a VM's serial console log, or vmlab's own",
    load: () => import("./commands/logs.ts"),
  },
  {
    name: "wait",
    group: "Machines",
    summary: "Wait until VMs are ready",
    load: () => import("./commands/wait.ts"),
  },
  {
    name: "top",
    group: "Machines",
    summary: "Watch what VMs use",
    load: () => import("./commands/top.ts"),
  },
  {
    name: "snapshot",
    group: "Machines",
    summary: "Take, list, restore and remove snapshots",
    load: () => import("./commands/snapshot.ts"),
  },
  {
    name: "export",
    group: "Machines",
    summary: "Make an image of a VM",
    load: () => import("./commands/export.ts"),
  },
  {
    name: "trash",
    group: "Machines",
    summary: "List, restore and remove deleted VMs",
    load: () => import("./commands/trash.ts"),
  },
  {
    name: "images",
    group: "State and host",
    summary: "List, check, share and remove images",
    load: () => import("./commands/images.ts"),
  },
  {
    name: "state",
    group: "State and host",
    summary: "Look at the state and mend it",
    load: () => import("./commands/state.ts"),
  },
  {
    name: "backup",
    group: "State and host",
    summary: "Save and restore what vmlab knows",
    load: () => import("./commands/backup.ts"),
  },
  {
    name: "ops",
    group: "State and host",
    summary: "Watch, look into and stop long operations",
    load: () => import("./commands/ops.ts"),
  },
  {
    name: "watch",
    group: "State and host",
    summary: "Find machines, images and a host in trouble",
    load: () => import("./commands/watch.ts"),
  },
  {
    name: "resources",
    group: "State and host",
    summary: "Show what VMs take of this host",
    load: () => import("./commands/resources.ts"),
  },
  {
    name: "config",
    group: "State and host",
    summary: "Show and change the settings of this host",
    load: () => import("./commands/config.ts"),
  },
  {
    name: "doctor",
    group: "State and host",
    summary: "Find out what is wrong with this host or lab",
    load: () => import("./commands/doctor.ts"),
  },
  {
    name: "completion",
    group: "State and host",
    summary: "Complete commands, options and names in the shell",
    load: () => import("./commands/completion.ts"),
  },
];

export function findCommand(name: string): TableEntry | undefined {
  return COMMANDS.find((entry) => entry.name === name || entry.aliases?.includes(name) === true);
}
