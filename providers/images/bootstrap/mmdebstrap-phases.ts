/** What mmdebstrap says it is doing, as steps of a build. */

/** Beginning of a message of mmdebstrap (after `I: `) → what we call it, in the order in which they come. */
const PHASES: readonly (readonly [string, string])[] = [
  ["running apt-get update", "reading package lists"],
  ["downloading packages with apt", "downloading essential packages"],
  ["extracting archives", "unpacking essential packages"],
  ["installing essential packages", "installing essential packages"],
  ["installing remaining packages", "installing packages"],
  ["running --customize-hook", "configuring the image"],
  ["cleaning package lists", "cleaning up"],
];

/** How many steps mmdebstrap's part of a build has. */
export const MMDEBSTRAP_STEPS: number = PHASES.length;

/** The step (0-based) that a line of mmdebstrap's output begins. */
export function mmdebstrapPhase(line: string): { readonly step: number; readonly phase: string } | undefined {
  const text = line.replace(/^I: /, "");
  if (text === line) return undefined;
  const step = PHASES.findIndex(([beginning]) => text.startsWith(beginning));
  const phase = PHASES[step]?.[1];
  return phase === undefined ? undefined : { step, phase };
}
