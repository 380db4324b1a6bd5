/** Roles and custom images: recipes carried out on other images by Packer. */
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import { imageDiskPath } from "../images/store.ts";
import type {
  CallContext,
  ImageProvider,
  ImageResolution,
  ImageSpec,
  ObtainedImage,
  VmProvider,
} from "../provider.ts";
import { TEMPLATE_VERSION } from "./build-key.ts";
import { recoverBuilds } from "./build-place.ts";
import { obtainBuild } from "./obtain-build.ts";
import type { Dialect } from "./packer-program.ts";
import { type RenderedBuild, renderBuild } from "./render-build.ts";
import { resolveBuild } from "./resolve-build.ts";

export type { RenderedBuild } from "./render-build.ts";

/** Part of saved plans. Moves when the meaning of inputs, keys or pins does. */
const PROVIDER_VERSION = "1";

export interface PackerProviderOptions {
  readonly effects: Effects;
  readonly home: Home;
  /** A provider of VMs on images that lie where `imageDisk` says: new images are verified before the store has them. */
  readonly machines: (imageDisk: (digest: string) => string) => VmProvider;
  /** {@link TEMPLATE_VERSION} unless a test says otherwise. */
  readonly templateVersion?: number;
  /** Leaves the machine of a failed build running for a look. */
  readonly keepOnFailure?: boolean;
}

/** The part of an image provider that is about inputs whose source is `build`. */
export interface PackerProvider extends Pick<ImageProvider, "name" | "version"> {
  /** The key, and whether the store has a build of it on this very parent. Writes nothing. */
  resolve(
    spec: Omit<ImageSpec, "key">,
    options: { readonly upgrade: boolean; readonly signal?: AbortSignal },
  ): Promise<ImageResolution>;
  obtain(spec: ImageSpec, context: CallContext): Promise<ObtainedImage>;
  /** Ends and removes what crashed builds left. */
  recover(): Promise<readonly string[]>;
  render(spec: Omit<ImageSpec, "key">, options?: { readonly dialect?: Dialect }): Promise<RenderedBuild>;
}

export function packerProvider(options: PackerProviderOptions): PackerProvider {
  const { effects, home, machines, templateVersion = TEMPLATE_VERSION, keepOnFailure = false } = options;
  const build = { effects, home, machines, templateVersion, keepOnFailure };
  return {
    name: "packer",
    version: PROVIDER_VERSION,
    resolve: (spec, { upgrade }) => resolveBuild(effects, home, spec, { upgrade, templateVersion }),
    obtain: (spec, context) => obtainBuild(build, spec, context),
    async recover() {
      const provider = machines((digest) => imageDiskPath(home, digest));
      return (await recoverBuilds(effects, home, provider)).map((id) => `unfinished build ${id}`);
    },
    render: (spec, renderOptions) => renderBuild(effects, home, spec, renderOptions),
  };
}
