/** The values that can stand for a placeholder now: from the state, lab.toml and the records of this host. */
import { selectVms, vmsOf } from "../../engine/operate/select.ts";
import type { ResourceState } from "../../engine/state/types.ts";
import type { Cursor } from "./cursor.ts";
import type { Knowledge } from "./knowledge.ts";

export interface Candidate {
  readonly value: string;
  /** A few words that tell it from the others. */
  readonly text?: string;
}

/** Candidates, or that paths of this host stand here (besides). `open`: the word goes on behind the candidate. */
export interface Offer {
  readonly candidates: readonly Candidate[];
  readonly paths?: "files" | "folders";
  readonly open?: boolean;
}

type Source = (knowledge: Knowledge, cursor: Cursor, current: string) => Promise<Offer>;

/** By what a definition calls the value. A command's own meaning of a word stands with the command's name. */
const SOURCES: Readonly<Record<string, Source>> = {
  vm: vms,
  vms,
  host: vms,
  places,
  env: async (knowledge) => names(await environments(knowledge)),
  role: async (knowledge) =>
    names([...(await knowledge.declared()).roles, ...(await inputsOf(knowledge, "role"))]),
  label: labels,
  "key=value": labels,
  template: async (knowledge) => names((await knowledge.declared()).templates),
  image: async (knowledge) => names((await knowledge.declared()).images),
  address: addresses,
  addresses,
  "name=value": async (knowledge) => ({
    ...names((await knowledge.declared()).vars.map((name) => `${name}=`)),
    open: true,
  }),
  snapshot: snapshots,
  "from-snapshot": snapshots,
  file: async () => ({ candidates: [], paths: "files" }),
  files: async () => ({ candidates: [], paths: "files" }),
  planfile: async () => ({ candidates: [], paths: "files" }),
  dir: async () => ({ candidates: [], paths: "folders" }),
  "clone source": async (knowledge) => ({
    candidates: [
      ...(await vms(knowledge)).candidates,
      ...(await knowledge.declared()).templates.map((name) => ({ value: name, text: "template" })),
    ],
  }),
  "images build names": buildable,
  "images render name": buildable,
  "images list images": stored,
  "images show image": stored,
  "images history image": stored,
  "images verify images": stored,
  "images rm images": stored,
  "images export image": stored,
  "state list addresses": recorded,
  "state show address": recorded,
  "state rm addresses": recorded,
  "state mv from": recorded,
  "state restore serial": async (knowledge) => ({
    candidates: (await knowledge.history()).map(({ serial, resources }) => ({
      value: String(serial),
      text: `${resources} resources`,
    })),
  }),
  "config get key": settings,
  "config set key": settings,
  "config unset key": settings,
  "output name": async (knowledge) => names(Object.keys((await knowledge.state())?.outputs ?? {})),
  "backup restore backup": async (knowledge) => ({
    ...names((await knowledge.backups()).map(({ name }) => name)),
    paths: "files",
  }),
  "trash restore what": trashed,
  "trash empty what": trashed,
  "ops list ids": operations,
  "ops show id": operations,
  "ops logs id": operations,
  "ops cancel id": operations,
};

/** What can stand for the value that a definition calls `what`; nothing where only the user knows. */
export async function liveValues(
  knowledge: Knowledge,
  cursor: Cursor,
  what: string,
  current: string,
): Promise<Offer> {
  const source = SOURCES[`${cursor.command} ${what}`] ?? SOURCES[what];
  return source === undefined ? { candidates: [] } : await source(knowledge, cursor, current);
}

async function vms(knowledge: Knowledge): Promise<Offer> {
  return { candidates: vmsOf(await knowledge.state()).map(vmCandidate) };
}

function vmCandidate({ name, inputs }: ResourceState): Candidate {
  const from = inputs.role ?? inputs.image;
  return typeof from === "string" ? { value: name, text: from } : { value: name };
}

/** A path of this host, or of a VM, which begins with its name. */
async function places(knowledge: Knowledge, _: Cursor, current: string): Promise<Offer> {
  if (current.includes(":")) return { candidates: [] };
  const { candidates } = await vms(knowledge);
  return {
    candidates: current.includes("/") ? [] : candidates.map((vm) => ({ ...vm, value: `${vm.value}:` })),
    paths: "files",
    open: true,
  };
}

async function environments(knowledge: Knowledge): Promise<readonly string[]> {
  const made = vmsOf(await knowledge.state()).flatMap(({ environment }) => environment?.environment ?? []);
  return [...(await knowledge.declared()).environments, ...made];
}

async function inputsOf(knowledge: Knowledge, input: string): Promise<readonly string[]> {
  return vmsOf(await knowledge.state()).flatMap(({ inputs }) => {
    const value = inputs[input];
    return typeof value === "string" ? [value] : [];
  });
}

async function labels(knowledge: Knowledge): Promise<Offer> {
  return names(
    vmsOf(await knowledge.state()).flatMap(({ inputs }) =>
      Object.entries(inputs.labels ?? {}).map(([key, value]) => `${key}=${String(value)}`),
    ),
  );
}

async function recorded(knowledge: Knowledge): Promise<Offer> {
  return names(Object.keys((await knowledge.state())?.resources ?? {}));
}

/** What is recorded and what is declared. Members that a count makes are known once they are made. */
async function addresses(knowledge: Knowledge): Promise<Offer> {
  const declared = await knowledge.declared();
  const of = (type: string, all: readonly string[]) => all.map((name) => `${type}.${name}`);
  return names([
    ...Object.keys((await knowledge.state())?.resources ?? {}),
    ...of("vm", declared.vms),
    ...of("image", declared.images),
    ...of("role", declared.roles),
    ...of("network", declared.networks),
    ...of("volume", declared.volumes),
    ...of("secret", declared.secrets),
    ...of("environment", await environments(knowledge)),
  ]);
}

async function buildable(knowledge: Knowledge): Promise<Offer> {
  const { roles, images } = await knowledge.declared();
  return names([...roles, ...images]);
}

async function stored(knowledge: Knowledge): Promise<Offer> {
  return names((await knowledge.images()).map(({ name }) => name));
}

/** Those of the VMs that the line chooses, or of all where it chooses none yet. */
async function snapshots(knowledge: Knowledge, { given, options }: Cursor): Promise<Offer> {
  const state = await knowledge.state();
  const known = new Set(vmsOf(state).map(({ name }) => name));
  const selection = selectVms(state, {
    // Some lines name what is to be made as well.
    names: given.filter((name) => known.has(name) || name.includes("*")),
    environments: (options.env ?? []).flatMap((list) => list.split(",")),
    roles: (options.role ?? []).flatMap((list) => list.split(",")),
    labels: options.label ?? [],
    all: false,
  });
  const chosen = selection.ok ? selection.vms : vmsOf(state);
  const found = await knowledge.snapshots(chosen.flatMap(({ instance }) => instance ?? []));
  return {
    candidates: unique(
      found.map(({ name, description }) =>
        description === undefined ? { value: name } : { value: name, text: description },
      ),
    ),
  };
}

async function trashed(knowledge: Knowledge): Promise<Offer> {
  const all = await knowledge.trash();
  return {
    candidates: unique([
      ...all.map(({ kind, name, lab }) => ({
        value: kind === "vm" ? name : `volume.${name}`,
        text: `of ${lab}`,
      })),
      ...all.map(({ id, name }) => ({ value: id, text: name })),
    ]),
  };
}

async function settings(knowledge: Knowledge): Promise<Offer> {
  return {
    candidates: (await knowledge.settings()).map(({ key, description }) => ({
      value: key,
      text: description,
    })),
  };
}

async function operations(knowledge: Knowledge): Promise<Offer> {
  const all = await knowledge.operations();
  return {
    candidates: all.map(({ id, kind, lab }) => ({
      value: id,
      text: lab === undefined ? kind : `${kind} of ${lab.name}`,
    })),
  };
}

function names(all: readonly string[]): Offer {
  return { candidates: [...new Set(all)].map((value) => ({ value })) };
}

function unique(all: readonly Candidate[]): Candidate[] {
  return [...new Map(all.map((one) => [one.value, one])).values()];
}
