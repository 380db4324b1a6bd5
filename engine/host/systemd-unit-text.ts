/** The text of a systemd service (systemd.service(5)), and whether somebody edited it since vmlab wrote it. */
import { sha256 } from "../json.ts";

export interface ServiceUnit {
  /** File name: `vmlab-watch.service`. */
  readonly name: string;
  readonly description: string;
  /**
   * `service`: runs until it is stopped, and is started again when it fails. `once`: runs to its end at every start of the
   * user's session manager; what it started goes on running.
   */
  readonly kind: "service" | "once";
  /** A unit that, where it is to be started too, has to be through first; it need not exist. */
  readonly after?: string;
  /** What it runs: the absolute path of a program, and its arguments. */
  readonly program: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** The file, with a digest of itself in the first line. */
export function serviceUnitText(unit: ServiceUnit): string {
  const body = [
    "[Unit]",
    `Description=${oneLine(unit.description)}`,
    ...(unit.after === undefined ? [] : [`After=${unit.after}`]),
    "",
    "[Service]",
    ...KINDS[unit.kind],
    ...Object.entries(unit.environment).map(([name, value]) => `${ENVIRONMENT}${quoted(`${name}=${value}`)}`),
    `ExecStart=${commandText(unit.program)}`,
    "",
    "[Install]",
    "WantedBy=default.target",
    "",
  ].join("\n");
  return `${MARK}${sha256(body)}\n${body}`;
}

/** Whether the text is as vmlab wrote it, in this version or another; `foreign`: vmlab never wrote it. */
export function unitOrigin(text: string): "own" | "edited" | "foreign" {
  if (!text.startsWith(MARK)) return "foreign";
  const end = text.indexOf("\n");
  return sha256(text.slice(end + 1)) === text.slice(MARK.length, end).trim() ? "own" : "edited";
}

/** What the text of a unit, as {@link serviceUnitText} writes it, gives to its program. */
export function environmentOf(text: string): Record<string, string> {
  const lines = text.split("\n").filter((line) => line.startsWith(ENVIRONMENT));
  return Object.fromEntries(
    lines.map((line) => {
      const assignment = unquoted(line.slice(ENVIRONMENT.length));
      const equals = assignment.indexOf("=");
      return [assignment.slice(0, equals), assignment.slice(equals + 1)];
    }),
  );
}

const ENVIRONMENT = "Environment=";

const MARK = "# Written by vmlab, which replaces it as long as nobody has edited it: ";

const KINDS: Readonly<Record<ServiceUnit["kind"], readonly string[]>> = {
  service: ["Type=exec", "Restart=on-failure", "RestartSec=30"],
  // Without KillMode the machines that it started would end with it.
  once: ["Type=oneshot", "RemainAfterExit=yes", "KillMode=process", "TimeoutStartSec=infinity"],
};

/** A dollar sign would begin a variable here, other than in Environment=. */
function commandText([program = "", ...args]: readonly string[]): string {
  return [quoted(program), ...args.map((word) => quoted(word.replaceAll("$", "$$$$")))].join(" ");
}

/** As systemd.syntax(7) and systemd.unit(5) have it: C-like escapes in quotes, `%%` for a percent sign. */
function quoted(word: string): string {
  const text = word.replaceAll("%", "%%");
  if (/^[\w@%+=:,./$-]+$/.test(text)) return text;
  const escaped = text
    .replaceAll("\\", "\\\\")
    .replaceAll('"', '\\"')
    .replaceAll("\n", "\\n")
    .replaceAll("\t", "\\t");
  return `"${escaped}"`;
}

/** The word that {@link quoted} was given. */
function unquoted(text: string): string {
  const inner = text.startsWith('"')
    ? text.slice(1, -1).replaceAll(/\\(.)/g, (_, letter: string) => ESCAPED[letter] ?? letter)
    : text;
  return inner.replaceAll("%%", "%");
}

const ESCAPED: Readonly<Record<string, string>> = { n: "\n", t: "\t" };

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").replaceAll("%", "%%");
}
