import { expandLab } from "../../engine/config/expand.ts";
import { resolveFiles } from "../../engine/config/resolve-files.ts";
import { type ImageInputs, isImageType, type Resource } from "../../engine/config/types.ts";
import { DiagnosticsError, fail } from "../../engine/diagnostics.ts";
import type { CommandContext } from "../context.ts";
import { openLab, openPacker } from "../workspace.ts";
import type { RenderOptions } from "./render.ts";
import { oneAddress } from "./run-build.ts";

/** Prints what a build would hand to Packer. */
export async function renderCommand(
  context: CommandContext,
  name: string,
  options: RenderOptions,
): Promise<void> {
  const { out } = context.terminal;
  const lab = await openLab(context, options);
  const expansion = expandLab(lab);
  const images = [...expansion.resources, ...(expansion.unneeded ?? [])].filter(({ type }) =>
    isImageType(type),
  );
  const address = oneAddress(name, images);
  const wanted = images.filter((image) => image.address === address);
  const resolved = await resolveFiles(context.effects, lab, { ...expansion, resources: wanted });
  const diagnostics = [...expansion.diagnostics, ...resolved.diagnostics];
  if (diagnostics.some(({ severity }) => severity === "error")) throw new DiagnosticsError(diagnostics);
  const [resource] = resolved.expansion.resources;
  if (resource === undefined || !isBuild(resource)) {
    return fail({
      code: "image/not-built",
      summary: `${address} is not built by Packer`,
      hint: "Base images are downloaded, copied or bootstrapped. Name a role or a custom image.",
    });
  }
  const packer = await openPacker(context);
  const rendered = await packer.render(
    {
      address: resource.address,
      name: resource.name,
      lab: { name: lab.name, lineage: "", folder: context.folder },
      inputs: resource.inputs as ImageInputs,
      offline: lab.offline,
    },
    options.dialect === undefined ? {} : { dialect: options.dialect === "1.6" ? "builtin" : "plugin" },
  );
  if (options.json === true) {
    out.write(`${JSON.stringify(rendered, null, 2)}\n`);
    return;
  }
  out.write(`${JSON.stringify(rendered.template, null, 2)}\n`);
  if (options.files !== true) return;
  for (const [path, text] of Object.entries(rendered.files))
    out.write(`\n# ---- ${path}\n${text.endsWith("\n") ? text : `${text}\n`}`);
}

function isBuild(resource: Resource): boolean {
  return (resource.inputs as ImageInputs).build !== undefined;
}
