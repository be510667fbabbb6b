"use strict";
(() => {
  const { answer, views, base, stem } = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const videos = views.map((_, n) => at(`video-${n}`));
  const moved = views.map(() => 0); // frames of each view's own
  const clocks = views.map(() => null); // [media time, when it was first shown] while playing
  let time = 0, playing = false, since = 0, speed = 1, chosen = 0;

  const start = (n) => views[n].start + moved[n] / views[n].fps;
  const shown = (n, frame) => views[n].times ? views[n].times[frame] : frame / views[n].fps;
  const lasts = (n) => shown(n, views[n].frames - 1) + 1 / views[n].fps;
  const first = () => Math.min(...views.map((_, n) => start(n)));
  const last = () => Math.max(...views.map((_, n) => start(n) + lasts(n)));
  const finest = () => Math.max(...views.map((view) => view.fps));

  const frameAt = (n, seconds) => { // the frame that is on at a time of its own
    const { times, fps, frames } = views[n];
    if (!times) return Math.min(frames - 1, Math.max(0, Math.floor(seconds * fps + 1e-6)));
    let low = 0, high = frames - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (times[middle] <= seconds + 1e-6) low = middle; else high = middle - 1;
    }
    return low;
  };
  const middle = (n, frame) => { // browsers show the right frame when asked for its middle
    const end = frame + 1 < views[n].frames ? shown(n, frame + 1) : lasts(n);
    return (shown(n, frame) + end) / 2;
  };

  const levels = views.map((view) => Uint8Array.from(atob(view.changes.levels), (one) => one.charCodeAt(0)));
  const AROUND = 5, WIDTH = 500, HALF = 50; // seconds to either side; of the drawing
  const outline = (n, way) => { // how much moves in a view around now, as a filled line: up (-1) or down (1)
    const { rate } = views[n].changes, own = time - start(n), points = [];
    const last = Math.min(levels[n].length - 1, Math.ceil((own + AROUND) * rate));
    for (let k = Math.max(0, Math.floor((own - AROUND) * rate)); k <= last; k++) {
      const x = WIDTH / 2 + ((k + 0.5) / rate - own) * WIDTH / (2 * AROUND);
      points.push(`${x.toFixed(1)} ${(HALF + way * (HALF - 2) * levels[n][k] / 255).toFixed(1)}`);
    }
    return points.length ? `M${points[0].split(" ")[0]} ${HALF}L${points.join("L")}L${points.at(-1).split(" ")[0]} ${HALF}Z` : "";
  };
  const drawChanges = () => {
    if (views.length < 2) return;
    const up = outline(base, -1);
    views.forEach((_, n) => {
      if (n === base) return;
      at(`up-${n}`).setAttribute("d", up);
      at(`down-${n}`).setAttribute("d", outline(n, 1));
    });
  };

  const show = () => {
    views.forEach((view, n) => {
      const own = time - start(n), inside = own >= 0 && own < lasts(n), frame = frameAt(n, own);
      videos[n].closest(".view").classList.toggle("outside", !inside);
      at(`place-${n}`).textContent = inside ? `frame ${frame}` : own < 0 ? "not yet" : "over";
      if (!playing) {
        const target = middle(n, frame);
        if (Math.abs(videos[n].currentTime - target) > 1e-4) videos[n].currentTime = target;
      }
    });
    const seek = at("seek");
    seek.min = first(); seek.max = last(); seek.value = time;
    seek.setAttribute("aria-valuetext", `${time.toFixed(3)} seconds`);
    at("clock").textContent = `${time.toFixed(3)} s`;
    drawChanges();
  };

  const goTo = (seconds) => {
    time = Math.min(Math.max(seconds, first()), last());
    since = performance.now();
    if (playing) { waiting = since + 1000; running = false; }
    if (playing) videos.forEach((_, n) => { clocks[n] = null; follow(n, true); });
    show();
  };

  const watched = views.map(() => false);
  const watch = (n) => {
    if (watched[n] || !videos[n].requestVideoFrameCallback) return;
    watched[n] = true;
    videos[n].requestVideoFrameCallback((now, told) => { // expectedDisplayTime is 1 or 2 refreshes later, by the rate
      watched[n] = false;
      clocks[n] = [told.mediaTime, told.presentationTime];
      if (playing) watch(n);
    });
  };
  const LATE = 1 / 120; // seconds: a frame is first shown with a refresh of the screen, half of one late on average
  const position = (n, now) => { // seconds of its own that a view shows
    const clock = clocks[n];
    return clock ? clock[0] + LATE + videos[n].playbackRate * (now - clock[1]) / 1000 : videos[n].currentTime;
  };

  const follow = (n, jump, now) => {
    const own = time - start(n), video = videos[n];
    if (own < 0 || own >= lasts(n)) { video.pause(); return; }
    if (video.paused) {
      if (Math.abs(video.currentTime - own) > 1 / views[n].fps) video.currentTime = own;
      video.playbackRate = speed;
      video.play().catch(() => {});
      watch(n);
      return;
    }
    const away = own - position(n, now);
    if (jump || Math.abs(away) > 0.5) { clocks[n] = null; video.currentTime = own; video.playbackRate = speed; return; }
    const rate = Math.abs(away) < 0.008 ? speed : speed * Math.min(2, Math.max(0.5, 1 + Math.round(away * 150) * 0.02));
    if (Math.abs(video.playbackRate - rate) > 1e-3) video.playbackRate = rate;
  };

  let corrected = 0, waiting = 0, running = false; // whether a view runs; until all do, or until so many ms, …
  const begin = (now) => { // … the clock is in the middle of those that do, as they do not start at one moment
    const on = views.map((_, n) => n).filter((n) => time >= start(n) && time < start(n) + lasts(n));
    const run = on.filter((n) => clocks[n] && !videos[n].seeking);
    const times = run.map((n) => start(n) + position(n, now)).sort((one, other) => one - other);
    running = times.length > 0;
    if (running) time = times[times.length >> 1];
    if (now >= waiting || run.length === on.length) { waiting = 0; running = true; }
  };
  const tick = (now) => {
    if (!playing) return;
    if (waiting) begin(now); else time += speed * (now - since) / 1000;
    since = now;
    if (time >= last()) { time = last(); pause(); return; }
    if (now - corrected > 100) { corrected = now; videos.forEach((_, n) => follow(n, false, now)); show(); }
    requestAnimationFrame(tick);
  };
  const play = () => {
    if (time >= last() - 1e-6) time = first();
    playing = true; running = false; since = performance.now(); corrected = since; waiting = since + 1000;
    at("play").textContent = "Pause"; at("play").setAttribute("aria-pressed", "true");
    videos.forEach((_, n) => { clocks[n] = null; follow(n, true); });
    requestAnimationFrame(tick);
  };
  const pause = () => {
    playing = false;
    at("play").textContent = "Play"; at("play").setAttribute("aria-pressed", "false");
    videos.forEach((video) => video.pause());
    show();
  };
  const step = (frames) => { if (playing) pause(); goTo(time + frames / finest()); };

  const choose = (n) => {
    chosen = n;
    videos.forEach((video, m) => video.closest(".view").classList.toggle("chosen", m === n));
  };
  const move = (n, frames) => {
    moved[n] = frames;
    at(`nudge-${n}`).textContent = `${frames > 0 ? "+" : ""}${frames} frame${Math.abs(frames) === 1 ? "" : "s"}`;
    if (playing) follow(n, true);
    const changed = moved.some((one) => one !== 0);
    at("after").hidden = !changed;
    at("command").textContent = command();
    at("said").textContent = "";
    if (at("projects")) at("projects").hidden = changed;
    show();
  };

  const nudged = () => {
    const copy = structuredClone(answer);
    views.forEach((view, n) => {
      const file = copy.files.find((one) => one.path === view.path);
      if (!file || !moved[n]) return;
      const by = moved[n] / view.fps;
      file.start_seconds += by;
      if (file.start_frame !== null && file.start_frame !== undefined) file.start_frame += moved[n];
      if (file.interval_seconds) file.interval_seconds = file.interval_seconds.map((end) => end + by);
      file.by_hand = true;
    });
    const by = new Map(views.map((view, n) => [view.path, moved[n] / view.fps]));
    for (const pair of copy.pairs ?? []) {
      const away = (by.get(pair.files[0]) ?? 0) - (by.get(pair.files[1]) ?? 0);
      if (!away || !pair.placed) continue;
      pair.offset_seconds += away;
      if (pair.offset_frames !== null && pair.fps) pair.offset_frames = pair.offset_seconds * pair.fps;
      if (pair.interval_seconds) pair.interval_seconds = pair.interval_seconds.map((end) => end + away);
      pair.decided_by = "hand";
    }
    const placed = copy.files.filter((file) => file.placed);
    const latest = Math.max(...placed.map((file) => file.start_seconds));
    for (const file of placed) {
      file.cut_seconds = latest - file.start_seconds;
      file.cut_frames = file.fps ? Math.round(file.cut_seconds * file.fps) : null;
      const n = views.findIndex((view) => view.path === file.path);
      if (n >= 0 && views[n].times) file.cut_frames = views[n].times.reduce((best, one, k, all) =>
        Math.abs(one - file.cut_seconds) < Math.abs(all[best] - file.cut_seconds) ? k : best, 0);
    }
    if (copy.common_seconds !== undefined && moved.some((one) => one)) {
      const spans = placed.filter((file) => file.duration_seconds !== null).map((file) =>
        [file.start_seconds, file.start_seconds + file.duration_seconds * (1 + 1e-6 * (file.drift_ppm ?? 0))]);
      const common = [Math.max(...spans.map((span) => span[0])), Math.min(...spans.map((span) => span[1]))];
      copy.common_seconds = spans.length > 1 && common[0] < common[1] ? common : null;
    }
    return copy;
  };
  const saved = () => { // a name for each answer: browsers number files of one name, and a command would take the wrong one
    const text = JSON.stringify(nudged(), null, 1), name = `${stem}${moved.some((one) => one) ? "_moved" : ""}`;
    let hash = 0x811c9dc5; // FNV-1a
    for (let k = 0; k < text.length; k++) hash = Math.imul(hash ^ text.charCodeAt(k), 0x01000193) >>> 0;
    return { text, name: `${name}_${hash.toString(16).padStart(8, "0")}` };
  };
  const command = () => {
    const { name } = saved();
    return `videosync export-timeline ${name}.json --premiere ${name}.xml --fcpxml ${name}.fcpxml --otio ${name}.otio --mlt ${name}.mlt`;
  };
  const save = () => {
    const link = document.createElement("a"), { text, name } = saved();
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = `${name}.json`;
    link.click();
    at("said").textContent = `${link.download} is saved to the folder of downloads.`;
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  const copy = () => {
    getSelection().selectAllChildren(at("command")); // to be copied by hand where pages may not
    const told = (text) => { at("said").textContent = text; };
    const failed = () => told("The command is selected; copy it.");
    navigator.clipboard ? navigator.clipboard.writeText(command()).then(() => told("The command is copied."), failed) : failed();
  };

  at("play").onclick = () => playing ? pause() : play();
  at("back").onclick = () => step(-1);
  at("forward").onclick = () => step(1);
  at("seek").oninput = (event) => goTo(Number(event.target.value));
  at("speed").onchange = (event) => { speed = Number(event.target.value); videos.forEach((_, n) => { if (playing) follow(n, true); }); };
  at("sound").onchange = (event) => videos.forEach((video, n) => { video.muted = event.target.value !== String(n); });
  at("save").onclick = save;
  at("copy").onclick = copy;
  document.querySelectorAll("[data-nudge]").forEach((button) => {
    const n = Number(button.closest(".view").dataset.view);
    button.setAttribute("aria-label", `${views[n].name}: ${button.dataset.nudge} frames`);
    button.onclick = () => { choose(n); move(n, moved[n] + Number(button.dataset.nudge)); };
  });
  document.querySelectorAll(".view video").forEach((video, n) => { video.onclick = () => choose(n); });
  document.querySelectorAll(".moment").forEach((button) => { button.onclick = () => { if (playing) pause(); goTo(Number(button.dataset.seconds)); }; });
  document.querySelectorAll(".try").forEach((button) => {
    button.onclick = () => { // the first file goes where this offset puts it beside the second
      const one = Number(button.dataset.first), other = Number(button.dataset.second);
      if (one < 0 || other < 0) return;
      const wanted = start(other) + Number(button.dataset.seconds);
      choose(one);
      move(one, Math.round((wanted - views[one].start) * views[one].fps));
    };
  });
  document.onkeydown = (event) => {
    if (event.target.matches("select, input") || event.ctrlKey || event.metaKey || event.altKey) return;
    const button = event.target.matches("button");
    const done = () => event.preventDefault();
    if (event.key === " " && !button) { playing ? pause() : play(); done(); }
    else if (event.key === "ArrowLeft") { event.shiftKey ? goTo(time - 1) : step(-1); done(); }
    else if (event.key === "ArrowRight") { event.shiftKey ? goTo(time + 1) : step(1); done(); }
    else if (event.key === "[") move(chosen, moved[chosen] - 1);
    else if (event.key === "]") move(chosen, moved[chosen] + 1);
    else if (event.key === "{") move(chosen, moved[chosen] - 10);
    else if (event.key === "}") move(chosen, moved[chosen] + 10);
    else if (event.key === "0") views.forEach((_, n) => move(n, 0));
    else if (/^[1-9]$/.test(event.key) && Number(event.key) <= views.length) choose(Number(event.key) - 1);
  };

  at("seek").step = 1 / finest();
  choose(0);
  time = Math.max(...views.map((view) => view.start)); // when all have begun
  show();
  window.videosync = { nudged, goTo, play, pause, state: () => ({ time: playing && running ? time + speed * (performance.now() - since) / 1000 : time, playing, positions: videos.map((video) => video.currentTime) }) };
})();
