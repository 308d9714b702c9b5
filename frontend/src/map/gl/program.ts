/** A shader program, with its uniforms by name; what does not compile says where. */

export class ShaderError extends Error {
  constructor(
    readonly stage: "vertex" | "fragment" | "link",
    readonly log: string,
    readonly source: string,
  ) {
    super(`The ${stage} shader of the map does not compile.\n${log.trim()}\n${markedLines(source, log)}`);
    this.name = "ShaderError";
  }
}

type Value = number | boolean | Float32Array | readonly number[];

export class Program {
  private readonly program: WebGLProgram;
  private readonly uniforms = new Map<string, { location: WebGLUniformLocation; type: number }>();

  constructor(
    private readonly gl: WebGL2RenderingContext,
    vertex: string,
    fragment: string,
  ) {
    const head = "#version 300 es\nprecision highp float;\nprecision highp int;\nprecision highp sampler2DArray;\n";
    const program = gl.createProgram();
    this.program = program;
    const stages = [compiled(gl, "vertex", head + vertex), compiled(gl, "fragment", head + fragment)];
    for (const each of stages) gl.attachShader(program, each);
    gl.linkProgram(program);
    for (const each of stages) gl.deleteShader(each);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost())
      throw new ShaderError("link", gl.getProgramInfoLog(program) ?? "", "");
    const count = gl.isContextLost() ? 0 : (gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS) as number);
    for (let at = 0; at < count; at++) {
      const info = gl.getActiveUniform(program, at)!;
      this.uniforms.set(info.name, { location: gl.getUniformLocation(program, info.name)!, type: info.type });
    }
  }

  /** Draws with this program from now on, its uniforms as given. A name the shaders do not use is passed over. */
  use(values: Readonly<Record<string, Value>>): void {
    const { gl } = this;
    gl.useProgram(this.program);
    for (const [name, value] of Object.entries(values)) {
      const uniform = this.uniforms.get(name);
      if (uniform) this.set(uniform.location, uniform.type, value);
    }
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
    this.gl.deleteProgram(this.program);
  }
}

function compiled(gl: WebGL2RenderingContext, stage: "vertex" | "fragment", source: string): WebGLShader {
  const shader = gl.createShader(stage === "vertex" ? gl.VERTEX_SHADER : gl.FRAGMENT_SHADER)!;
  gl.shaderSource(shader, source);
  gl.compileShader(shader);
  if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS) && !gl.isContextLost())
    throw new ShaderError(stage, gl.getShaderInfoLog(shader) ?? "", source);
  return shader;
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
