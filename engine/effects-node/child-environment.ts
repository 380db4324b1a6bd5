/** What programs that vmlab starts see of its environment. */

/**
 * Everything but the values of variables (VMLAB_VAR_NAME): they may be secret, and a machine runs for months with the
 * environment it was started with. What shall be handed on is given in `more`.
 */
export function childEnvironment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env))
    if (value !== undefined && !name.startsWith("VMLAB_VAR_")) environment[name] = value;
  return { ...environment, ...more };
}
