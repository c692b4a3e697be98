/* The page around a game: begins the play, makes the frame, keeps the play token alive, and says when it is over.
 *
 * The page draws <vanilla-play game files sandbox allow> with everything else inside, marked by data-play. This
 * element comes to life when NiceGUI has put it into the page. Nothing in here looks into the frame, and nothing that
 * comes out of it is listened to. <play-question> and <play-left> are drawn inside; the server tells them what to show.
 */
(() => {
  "use strict";

  const EXTEND_EVERY = 4 * 60 * 1000; // the token lasts 15 minutes
  const ASK_AGAIN = 15 * 1000; // when the platform did not answer
  const QUIET = 500; // milliseconds without a click, before one answers the question
  const ASK_ADRIFT = 30 * 1000; // a page that nobody tells anything any more

  class VanillaPlay extends HTMLElement {
    connectedCallback() {
      this.part("restart").addEventListener("click", () => this.restart());
      this.part("fullscreen").addEventListener("click", () => this.fullscreen());
      this.part("about").addEventListener("click", () => this.about());
      for (const name of ["again", "reload"]) this.part(name).addEventListener("click", () => location.reload());
      this.onVisible = () => document.hidden || Date.now() < this.due || this.extend();
      document.addEventListener("visibilitychange", this.onVisible);
      this.begin();
    }

    disconnectedCallback() {
      clearTimeout(this.timer);
      document.removeEventListener("visibilitychange", this.onVisible);
    }

    part(name) {
      return this.querySelector(`[data-play="${name}"]`);
    }

    /* Counts the play, gets the token, makes the frame. */
    async begin() {
      const answer = await this.ask("");
      if (!answer) return;
      // A new version since this page was made: its frame-src knows only the old one's address.
      if (answer.url !== this.getAttribute("files")) return location.reload();
      this.token = answer.token;
      this.later(EXTEND_EVERY);
      const frame = document.createElement("iframe");
      frame.name = answer.name; // before src: the SDK reads it before anything else
      this.dispatchEvent(new CustomEvent("begun", { bubbles: true, detail: { frame, answer } })); // for play-saves.js
      frame.setAttribute("sandbox", this.getAttribute("sandbox"));
      frame.allow = this.getAttribute("allow");
      frame.referrerPolicy = "no-referrer";
      frame.title = document.querySelector("h1")?.textContent ?? "Game";
      frame.addEventListener("load", () => this.loaded());
      frame.src = answer.url;
      this.frame = frame;
      this.part("stage").append(frame);
      this.keepFromReloading();
    }

    /* A page that the server has forgotten reloads itself as it connects again, and the game would begin anew: after a
     * phone has been in a pocket, say. So it no longer connects; the game needs nothing but the play token. */
    keepFromReloading() {
      const { socket } = window; // NiceGUI's
      let heard = Date.now();
      for (const event of ["open", "ping"]) socket.io.on(event, () => { heard = Date.now(); });
      socket.io.on("reconnect_attempt", () => {
        if (!this.frame || Date.now() - heard < 1000 * this.getAttribute("patience")) return;
        socket.disconnect();
        document.getElementById("popup").ariaHidden = true;
        this.isAdrift = true;
        this.advise("This page has lost its live connection, and the game goes on. Reload to see what it uses.");
        this.extend(); // whether the player is still in, and the platform there
      });
    }

    loaded() {
      this.part("starting").hidden = true;
      // Keys go to the game, unless the player is somewhere else on the page.
      if (document.activeElement === document.body) this.frame.focus();
    }

    async extend() {
      const answer = await this.ask("/extend", { token: this.token });
      if (!answer) return;
      if (answer.token !== this.token) {
        this.token = answer.token;
        // Whatever is in the frame is this game: frame-src allows nothing else.
        this.frame.contentWindow.postMessage({ vanilla: "token", token: answer.token }, "*");
      }
      if (this.isAdrift) document.dispatchEvent(new Event("recount"));
      this.later(this.isAdrift ? ASK_ADRIFT : EXTEND_EVERY);
    }

    later(delay) {
      clearTimeout(this.timer);
      this.due = Date.now() + delay;
      this.timer = setTimeout(() => this.extend(), delay);
    }

    /* The answer of the platform, or null when there is none; then the player has been told, or it is asked again. */
    async ask(path, body) {
      let response;
      try {
        const version = this.getAttribute("version"); // of a preview
        const query = version ? `?version=${version}` : "";
        response = await fetch(`/api/games/${this.getAttribute("game")}/play${path}${query}`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(body ?? {}),
        });
      } catch {
        if (this.frame) this.later(ASK_AGAIN);
        else this.over("Vanilla cannot be reached. Check your connection.", "again");
        return null;
      }
      if (response.ok) return response.json();
      const problem = (await response.json().catch(() => null))?.error?.message;
      if (response.status === 401) this.over("You are signed out. Sign in again to go on playing.", "sign-in");
      else if (response.status === 404) this.gone();
      else if (this.frame) this.later(ASK_AGAIN);
      else this.over(problem ?? `The game could not be started (${response.status}).`, "again");
      return null;
    }

    gone() {
      this.over("This game is not here any more: it has been removed, or taken back by its owner.");
    }

    /* Its files have another address now, and what the game still has to load is not found at the old one. */
    changed() {
      if (this.frame) this.advise("This game has just been changed. Reload to go on with it.");
    }

    advise(why) {
      this.part("why").textContent = why;
      this.part("adrift").hidden = false;
    }

    /* Takes the game away and says why. `action` is the button that helps: "sign-in" or "again". */
    over(reason, action) {
      clearTimeout(this.timer);
      this.due = Infinity;
      this.frame?.remove();
      this.frame = null;
      if (document.fullscreenElement) document.exitFullscreen();
      for (const name of ["restart", "fullscreen"]) this.part(name).disabled = true;
      this.toggleAttribute("over", true); // and what is said about tokens goes with it
      this.part("adrift").hidden = true;
      this.part("starting").hidden = true;
      this.part("reason").textContent = reason;
      if (action) this.part(action).hidden = false;
      this.part("over").hidden = false;
    }

    restart() {
      if (!this.frame) return;
      this.frame.src = this.getAttribute("files");
      this.frame.focus();
    }

    async fullscreen() {
      try {
        await this.requestFullscreen(); // all of it: the question about tokens must be seen there too
        this.frame?.focus();
      } catch {
        // Phones without it (iPhones) give the game the whole page anyway.
      }
    }

    about() {
      this.part("used").dispatchEvent(new CustomEvent("recount"));
      this.part("sheet").showModal();
    }
  }

  /* May this game use your tokens? The panel is there while the server does not hide it. It takes the focus as it comes
   * and gives it back as it goes. A click is meant for it only when there has been none for a moment: one that was on
   * its way to the game, or a game's "click here, quick", answers nothing. */
  class PlayQuestion extends HTMLElement {
    static observedAttributes = ["class"];

    connectedCallback() {
      this.addEventListener("click", (event) => this.sift(event), { capture: true });
      this.turn();
    }

    disconnectedCallback() {
      clearTimeout(this.timer);
    }

    attributeChangedCallback() {
      if (this.isConnected) this.turn();
    }

    turn() {
      const isAsking = !this.classList.contains("hidden");
      if (isAsking === Boolean(this.isAsking)) return;
      this.isAsking = isAsking;
      if (isAsking) this.come();
      else this.go();
    }

    come() {
      this.before = document.activeElement;
      this.rest();
      this.focus({ preventScroll: true });
    }

    go() {
      clearTimeout(this.timer);
      if (!this.contains(document.activeElement) && document.activeElement !== document.body) return;
      const { before } = this;
      const isElsewhere = before && before !== document.body && before.isConnected && !this.contains(before);
      (isElsewhere ? before : this.closest("vanilla-play").frame)?.focus();
    }

    sift(event) {
      if (this.isReady) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      this.rest();
    }

    rest() {
      this.ready(false);
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.ready(true), QUIET);
    }

    ready(isReady) {
      this.isReady = isReady;
      for (const button of this.querySelectorAll("button")) button.ariaDisabled = String(!isReady);
    }
  }

  /* What is left of the player's limit, for the header of the page. */
  class PlayLeft extends HTMLElement {
    static observedAttributes = ["left", "limit"];

    attributeChangedCallback() {
      const [left, limit] = ["left", "limit"].map((name) => this.getAttribute(name));
      if (!left || limit === null) return;
      const detail = { remaining_tokens: Number(left), token_limit: Number(limit) };
      document.dispatchEvent(new CustomEvent("recount", { detail }));
    }
  }

  customElements.define("vanilla-play", VanillaPlay);
  customElements.define("play-question", PlayQuestion);
  customElements.define("play-left", PlayLeft);
})();
