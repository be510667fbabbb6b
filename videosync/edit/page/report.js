"use strict";
(() => {
  const { answer, views } = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const videos = views.map((_, n) => at(`video-${n}`));
  const moved = views.map(() => 0); // frames of each view's own
  const clocks = views.map(() => null); // [media time, when it was shown] while playing
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
  };

  const goTo = (seconds) => {
    time = Math.min(Math.max(seconds, first()), last());
    since = performance.now();
    if (playing) videos.forEach((_, n) => { clocks[n] = null; follow(n, true); });
    show();
  };

  const watch = (n) => videos[n].requestVideoFrameCallback?.((now, told) => {
    clocks[n] = [told.mediaTime, told.expectedDisplayTime];
    if (playing) watch(n);
  });

  const follow = (n, jump) => {
    const own = time - start(n), video = videos[n];
    if (own < 0 || own >= lasts(n)) { video.pause(); return; }
    if (video.paused) { video.currentTime = own; video.playbackRate = speed; video.play().catch(() => {}); watch(n); return; }
    const clock = clocks[n];
    const position = clock ? clock[0] + speed * Math.max(0, performance.now() - clock[1]) / 1000 : video.currentTime;
    const away = own - position;
    if (jump || Math.abs(away) > 0.3) { clocks[n] = null; video.currentTime = own; video.playbackRate = speed; return; }
    const rate = Math.abs(away) < 0.008 ? speed : speed * Math.min(1.5, Math.max(0.5, 1 + Math.round(away * 100) * 0.02));
    if (Math.abs(video.playbackRate - rate) > 1e-3) video.playbackRate = rate;
  };

  let corrected = 0;
  const tick = (now) => {
    if (!playing) return;
    time += speed * (now - since) / 1000;
    since = now;
    if (time >= last()) { time = last(); pause(); return; }
    if (now - corrected > 100) { corrected = now; videos.forEach((_, n) => follow(n, false)); }
    show();
    requestAnimationFrame(tick);
  };
  const play = () => {
    if (time >= last() - 1e-6) time = first();
    playing = true; since = performance.now(); corrected = since;
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
    const placed = copy.files.filter((file) => file.placed);
    const latest = Math.max(...placed.map((file) => file.start_seconds));
    for (const file of placed) {
      file.cut_seconds = latest - file.start_seconds;
      file.cut_frames = file.fps ? Math.round(file.cut_seconds * file.fps) : null;
    }
    return copy;
  };
  const save = () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(nudged(), null, 1)], { type: "application/json" }));
    link.download = "answer.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };

  at("play").onclick = () => playing ? pause() : play();
  at("back").onclick = () => step(-1);
  at("forward").onclick = () => step(1);
  at("seek").oninput = (event) => goTo(Number(event.target.value));
  at("speed").onchange = (event) => { speed = Number(event.target.value); videos.forEach((_, n) => { if (playing) follow(n, true); }); };
  at("sound").onchange = (event) => videos.forEach((video, n) => { video.muted = event.target.value !== String(n); });
  at("save").onclick = save;
  document.querySelectorAll("[data-nudge]").forEach((button) => {
    const n = Number(button.closest(".view").dataset.view);
    button.setAttribute("aria-label", `${views[n].name}: ${button.dataset.nudge} frames`);
    button.onclick = () => { choose(n); move(n, moved[n] + Number(button.dataset.nudge)); };
  });
  document.querySelectorAll(".view video").forEach((video, n) => { video.onclick = () => choose(n); });
  document.querySelectorAll(".try").forEach((button) => {
    button.onclick = () => { // the first file goes where this offset puts it beside the second
      const one = views.findIndex((view) => view.path === button.dataset.first);
      const other = views.findIndex((view) => view.path === button.dataset.second);
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

  choose(0);
  time = Math.max(...views.map((view) => view.start)); // when all have begun
  show();
  window.videosync = { nudged, goTo, play, pause, state: () => ({ time, playing, positions: videos.map((video) => video.currentTime) }) };
})();
