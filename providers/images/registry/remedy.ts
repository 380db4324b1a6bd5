import type { RegistryImage } from "./registry-image.ts";

/** What brings an image back whose bytes are lost. */
export function remedyFor(digest: string, images: readonly RegistryImage[]): string {
  const image = images.find((other) => other.digest === digest);
  const above = images.filter(({ layers, parent }) => layers.includes(digest) || parent === digest);
  const labs = above.flatMap(({ users }) =>
    users.flatMap((user) => (user.kind === "lab" ? [user.name] : [])),
  );
  const where = labs.length === 0 ? "a lab that declares it" : `lab ${[...new Set(labs)].join(" or ")}`;
  switch (image?.record?.kind) {
    case "url":
    case "path":
    case "bootstrap":
      return `"vmlab apply" in ${where} gets it anew.`;
    case "role":
    case "custom":
      return `"vmlab apply" in ${where} builds it anew, beside this one.`;
    case "export":
    case "import":
      return 'Import it again: "vmlab images import FILE".';
    default:
      return `"vmlab apply" in ${where} gets or builds it anew; an archive of it can be imported.`;
  }
}
