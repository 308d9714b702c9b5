/** A shader program, with its uniforms by name; what does not compile says where. */

const STAGES = ["vertex", "fragment"] as const;
type Stage = (typeof STAGES)[number];

export class ShaderError extends Error {
  constructor(
    readonly stage: Stage | "link",
    readonly log: string,
    readonly source: string,
  ) {
    super(`The ${stage} shader of the map does not compile.\n${log.trim()}\n${markedLines(source, log)}`);
    this.name = "ShaderError";
  }
}

interface Uniform {
  location: WebGLUniformLocation;
  type: number;
}

type Value = number | boolean | Float32Array | readonly number[];

export class Program {
  private program: WebGLProgram | null = null;
  private readonly parallel: KHR_parallel_shader_compile | null;
  private readonly sources: Readonly<Record<Stage, string>>;
  private uniforms: ReadonlyMap<string, Uniform> | null = null;

  constructor(
    private readonly gl: WebGL2RenderingContext,
    vertex: string,
    fragment: string,
  ) {
    const head = "#version 300 es\nprecision highp float;\nprecision highp int;\nprecision highp sampler2DArray;\n";
    this.sources = { vertex: head + vertex, fragment: head + fragment };
    this.parallel = gl.getExtension("KHR_parallel_shader_compile");
  }

  /** False while the page would wait for it, as far as the browser can tell; once true, nothing is waited for any more. */
  get ready(): boolean {
    const program = this.begin();
    const { gl, parallel, uniforms } = this;
    if (!uniforms && parallel && gl.getProgramParameter(program, parallel.COMPLETION_STATUS_KHR) === false)
      return false;
    this.uniforms ??= this.finished(program);
    return true;
  }

  /** Begins to compile; what comes of it is asked at the first use, so that the page goes on meanwhile. */
  begin(): WebGLProgram {
    if (this.program) return this.program;
    const { gl } = this;
    this.program = gl.createProgram();
    for (const stage of STAGES) {
      const shader = gl.createShader(stage === "vertex" ? gl.VERTEX_SHADER : gl.FRAGMENT_SHADER)!;
      gl.shaderSource(shader, this.sources[stage]);
      gl.compileShader(shader);
      gl.attachShader(this.program, shader);
    }
    gl.linkProgram(this.program);
    return this.program;
  }

  /** Draws with this program from now on, its uniforms as given. A name the shaders do not use is passed over. */
  use(values: Readonly<Record<string, Value>>): void {
    const program = this.begin();
    this.uniforms ??= this.finished(program);
    this.gl.useProgram(program);
    for (const [name, value] of Object.entries(values)) {
      const uniform = this.uniforms.get(name);
      if (uniform) this.set(uniform.location, uniform.type, value);
    }
  }

  private finished(program: WebGLProgram): ReadonlyMap<string, Uniform> {
    const { gl } = this;
    const uniforms = new Map<string, Uniform>();
    if (gl.isContextLost()) return uniforms;
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw this.wrong(program);
    const count = gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS) as number;
    for (let at = 0; at < count; at++) {
      const info = gl.getActiveUniform(program, at)!;
      uniforms.set(info.name, { location: gl.getUniformLocation(program, info.name)!, type: info.type });
    }
    return uniforms;
  }

  private wrong(program: WebGLProgram): ShaderError {
    const { gl } = this;
    for (const shader of gl.getAttachedShaders(program) ?? []) {
      if (gl.getShaderParameter(shader, gl.COMPILE_STATUS)) continue;
      const stage = gl.getShaderParameter(shader, gl.SHADER_TYPE) === gl.VERTEX_SHADER ? "vertex" : "fragment";
      return new ShaderError(stage, gl.getShaderInfoLog(shader) ?? "", this.sources[stage]);
    }
    return new ShaderError("link", gl.getProgramInfoLog(program) ?? "", "");
  }

  private set(location: WebGLUniformLocation, type: number, value: Value): void {
    const { gl } = this;
    if (type === gl.FLOAT) gl.uniform1f(location, Number(value));
    else if (type === gl.FLOAT_VEC2) gl.uniform2fv(location, value as readonly number[]);
    else if (type === gl.FLOAT_VEC3) gl.uniform3fv(location, value as readonly number[]);
    else if (type === gl.FLOAT_VEC4) gl.uniform4fv(location, value as readonly number[]);
    else if (type === gl.FLOAT_MAT4) gl.uniformMatrix4fv(location, false, value as Float32Array);
    else gl.uniform1i(location, Number(value));
  }

  dispose(): void {
    if (!this.program) return;
    for (const shader of this.gl.getAttachedShaders(this.program) ?? []) this.gl.deleteShader(shader);
    this.gl.deleteProgram(this.program);
  }
}

/** The lines a log speaks of ("ERROR: 0:12: …"), with the line before and after. */
function markedLines(source: string, log: string): string {
  const wrong = new Set([...log.matchAll(/^ERROR: \d+:(\d+)/gm)].map((each) => Number(each[1])));
  return source
    .split("\n")
    .map((text, at) => ({ line: at + 1, text }))
    .filter(({ line }) => [line - 1, line, line + 1].some((each) => wrong.has(each)))
    .map(({ line, text }) => `${wrong.has(line) ? ">" : " "}${String(line).padStart(4)}  ${text}`)
    .join("\n");
}
