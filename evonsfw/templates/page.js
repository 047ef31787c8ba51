
"use strict";

// Everything is in the page already; this script makes it move. It copies attributes that were
// worked out beforehand and knows nothing of shapes.
{
  const SVG = document.getElementById("evonsfw-picture").namespaceURI;
  const FILM = 8000; // milliseconds that Play takes over a long run
  const SLOWEST = 350, FASTEST = 30; // milliseconds for one picture

  const byId = (id) => document.getElementById(id);
  const run = JSON.parse(byId("evonsfw-run").textContent);
  const picture = byId("evonsfw-picture");
  const ground = picture.querySelector("rect");
  const group = picture.querySelector("g");
  const slider = byId("slider");
  const words = byId("words");
  const rows = [...byId("shapes").tBodies[0].rows];

  // ---- pictures -------------------------------------------------------------------------------

  // A shape that is as in the picture before is written as 0.
  let before = [];
  for (const frame of run.frames) {
    frame.shapes = frame.shapes.map((shape, i) => (shape === 0 ? before[i] : shape));
    before = frame.shapes;
  }

  const original = { ground: ground.getAttribute("fill"), shapes: [...group.children] };
  const first = Number(slider.value);

  function element(shape) {
    const [tag, ...names] = run.kinds[shape[0]];
    const made = document.createElementNS(SVG, tag);
    names.forEach((name, i) => made.setAttribute(name, shape[i + 1]));
    return made;
  }

  function show(index) {
    const frame = run.frames[index];
    ground.setAttribute("fill", frame.ground);
    group.replaceChildren(...frame.shapes.map(element));
    tell(index);
    byId("back").hidden = false;
    mark();
  }

  function showOriginal() {
    slider.value = first;
    ground.setAttribute("fill", original.ground);
    group.replaceChildren(...original.shapes);
    tell(first);
    byId("back").hidden = true;
    mark();
  }

  function tell(index) {
    const { place, words: said } = run.frames[index];
    slider.setAttribute("aria-valuetext", said);
    words.textContent = said;
    byId("cursor").setAttribute("d", `M${place[0]} 0V1000`);
    byId("dot").setAttribute("d", `M${place[0]} ${place[1]}h.01`);
  }

  function go(index) {
    slider.value = index;
    if (index === first) showOriginal();
    else show(index);
  }

  // ---- playing --------------------------------------------------------------------------------

  let timer = 0;

  function play() {
    const last = run.frames.length - 1;
    const pause = Math.min(SLOWEST, Math.max(FASTEST, FILM / (last + 1)));
    if (Number(slider.value) === last) go(0);
    timer = setInterval(() => {
      go(Number(slider.value) + 1);
      if (Number(slider.value) === last) stop();
    }, pause);
    playing(true);
  }

  function stop() {
    clearInterval(timer);
    timer = 0;
    playing(false);
  }

  function playing(yes) {
    byId("play").firstElementChild.textContent = yes ? "❚❚" : "▶";
    byId("play").setAttribute("aria-label", yes ? "Pause" : "Play the run");
  }

  byId("play").addEventListener("click", () => (timer ? stop() : play()));
  byId("back").addEventListener("click", () => { stop(); showOriginal(); });
  slider.addEventListener("input", () => { stop(); go(Number(slider.value)); });

  // ---- graph ----------------------------------------------------------------------------------

  const box = document.querySelector("#graph .box");

  function generationAt(event) {
    const { left, width } = box.getBoundingClientRect();
    const x = ((event.clientX - left) / width) * 1000;
    return run.points.reduce((a, b) => (Math.abs(b[1] - x) < Math.abs(a[1] - x) ? b : a));
  }

  // The picture of a generation is the last one that was kept until then.
  const keptBy = (number) => run.frames.findLastIndex((frame) => frame.number <= number);

  box.addEventListener("pointermove", (event) => {
    const point = generationAt(event);
    if (event.buttons & 1) { stop(); go(Math.max(0, keptBy(point[0]))); }
    byId("cursor").setAttribute("d", `M${point[1]} 0V1000`);
    words.textContent = point[4];
  });
  box.addEventListener("pointerdown", (event) => {
    box.setPointerCapture(event.pointerId);
    stop();
    go(Math.max(0, keptBy(generationAt(event)[0])));
  });
  box.addEventListener("pointerleave", () => tell(Number(slider.value)));

  // ---- shapes ---------------------------------------------------------------------------------

  let pointed = -1; // shape under the pointer, in the picture or in the table
  let held = -1; // shape that was chosen and stays marked while the slider moves

  function mark() {
    picture.querySelectorAll(".mark").forEach((old) => old.remove());
    const index = pointed >= 0 ? pointed : held;
    rows.forEach((row, i) => row.classList.toggle("marked", i === index));
    if (index < 0) return;
    for (const name of ["halo", "line"]) {
      const outline = group.children[index].cloneNode();
      for (const paint of ["fill", "fill-opacity", "stroke", "stroke-opacity", "stroke-width"]) {
        outline.removeAttribute(paint); // or the style sheet's would not be seen by all
      }
      outline.setAttribute("class", `mark ${name}`);
      picture.append(outline);
    }
  }

  function point(index) {
    if (index === pointed) return;
    pointed = index;
    mark();
  }

  function hold(index) {
    held = held === index ? -1 : index;
    rows.forEach((row, i) => {
      row.classList.toggle("held", i === held);
      row.cells[0].firstElementChild.setAttribute("aria-pressed", i === held);
    });
    mark();
  }

  picture.addEventListener("pointermove", (event) => {
    point([...group.children].indexOf(event.target));
  });
  picture.addEventListener("pointerleave", () => point(-1));
  picture.addEventListener("click", (event) => {
    const index = [...group.children].indexOf(event.target);
    if (index < 0) return;
    hold(index);
    // Only the table scrolls: the page stays where the picture is seen.
    const scroller = byId("shapes").parentElement;
    scroller.scrollTop = rows[index].offsetTop - scroller.clientHeight / 2;
  });
  rows.forEach((row, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = row.cells[0].textContent;
    button.setAttribute("aria-label", `Mark shape ${i + 1} in the picture`);
    button.setAttribute("aria-pressed", "false");
    row.cells[0].replaceChildren(button);
    row.addEventListener("pointerenter", () => point(i));
    row.addEventListener("pointerleave", () => point(-1));
    row.addEventListener("click", () => hold(i));
  });

  // ---- sorting --------------------------------------------------------------------------------

  const value = (row, column) => {
    const { dataset, textContent } = row.cells[column];
    const number = Number(dataset.value ?? textContent);
    return Number.isNaN(number) ? textContent : number;
  };

  function sort(head) {
    const column = head.cellIndex;
    const way = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", way > 0 ? "ascending" : "descending");
    const sorted = [...rows].sort((one, two) => {
      const [a, b] = [value(one, column), value(two, column)];
      return way * (a < b ? -1 : Number(a > b));
    });
    byId("shapes").tBodies[0].append(...sorted);
  }

  for (const head of byId("shapes").tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => sort(head));
    head.replaceChildren(button);
  }

  document.querySelector(".player").hidden = false;
  tell(first);
}
