"""What runs in the pages that `viewer.py` compares: a script that notes frames and blocks, and the bare page."""

FEW = 50
"""Rings and other marks are drawn as points too; a map has more."""

NOTES_FRAMES = """
window.noted = {frames: [], blocks: []};
for (const kind of [window.WebGLRenderingContext, window.WebGL2RenderingContext]) {
    if (!kind) continue;
    const note = (mode, count) => {
        if (mode !== 0 || count < FEW) return;
        const now = document.timeline.currentTime, last = noted.frames.at(-1);
        if (last && last.frame === now) last.points += count;
        else noted.frames.push({frame: now, at: Date.now(), points: count, pixels});
    };
    let pixels = 0;
    const sizes = new WeakSet(), {getUniformLocation, uniform1f} = kind.prototype;
    kind.prototype.getUniformLocation = function (program, name) {
        const place = getUniformLocation.call(this, program, name);
        if (place && name === 'diameter') sizes.add(place);
        return place;
    };
    kind.prototype.uniform1f = function (place, value) {
        if (sizes.has(place)) pixels = value;
        return uniform1f.call(this, place, value);
    };
    const {drawArrays, drawElements} = kind.prototype;
    kind.prototype.drawArrays = function (mode, first, count) {
        note(mode, count);
        return drawArrays.call(this, mode, first, count);
    };
    kind.prototype.drawElements = function (mode, count, ...rest) {
        note(mode, count);
        return drawElements.call(this, mode, count, ...rest);
    };
}
new PerformanceObserver((list) => {
    for (const each of list.getEntries()) noted.blocks.push([each.name, each.duration]);
}).observe({type: 'longtask', buffered: true});
""".replace("FEW", str(FEW))

RENDERER = """() => {
    const gl = document.createElement('canvas').getContext('webgl2');
    const about = gl?.getExtension('WEBGL_debug_renderer_info');
    return about ? gl.getParameter(about.UNMASKED_RENDERER_WEBGL) : 'no WebGL2';
}"""
"""What WebGL is drawn with here."""

SHADED = '<div style="position: fixed; inset: 0; background: linear-gradient(#fff, #eee)"></div>'
"""Lies around the bare page's canvas, so that the page is not of one colour."""

BARE = """
<!doctype html><body style="margin: 0">AROUND
<canvas style="position: fixed; left: LEFTpx; top: TOPpx"></canvas><script>
const canvas = document.querySelector('canvas');
Object.assign(canvas, {width: WIDTH, height: HEIGHT});
const gl = canvas.getContext('webgl2', {antialias: false, alpha: false});
const program = gl.createProgram();
for (const [kind, source] of [
    [gl.VERTEX_SHADER, `#version 300 es
        in vec3 position; uniform float turn; out vec3 shade;
        void main() {
            float s = sin(turn), c = cos(turn);
            vec3 p = vec3(c * position.x + s * position.z, position.y, c * position.z - s * position.x);
            gl_Position = vec4(p.xy * vec2(0.6, 0.9), 0.5 * p.z, 1.0);
            gl_PointSize = float(PIXELS);
            shade = 0.5 + 0.5 * position;
        }`],
    [gl.FRAGMENT_SHADER, `#version 300 es
        precision highp float; in vec3 shade; out vec4 drawn;
        void main() { if (length(gl_PointCoord - 0.5) > 0.5) discard; drawn = vec4(shade, 1.0); }`],
]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
}
gl.linkProgram(program);
gl.useProgram(program);
gl.enable(gl.DEPTH_TEST);
const positions = Float32Array.from({length: 3 * POINTS}, () => Math.random() + Math.random() - 1);
gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
gl.bufferData(gl.ARRAY_BUFFER, positions, gl.STATIC_DRAW);
gl.enableVertexAttribArray(0);
gl.vertexAttribPointer(0, 3, gl.FLOAT, false, 0, 0);
let turn = 0, asked = 0;
const draw = () => {
    asked = 0;
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.uniform1f(gl.getUniformLocation(program, 'turn'), turn);
    gl.drawArrays(0, 0, POINTS);
};
const again = () => { asked ||= requestAnimationFrame(draw); };
canvas.addEventListener('pointermove', (event) => { turn += event.movementX / 300; again(); });
again();
</script>
"""
