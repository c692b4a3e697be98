"""Try it: a prompt, sent through the platform's own route as the visitor, metered like any call (docs.js does it)."""

from pages.docs.facts import Facts
from pages.docs.writing import paragraph


def trying(_: Facts) -> str:
    """The form. It is useless without its script, and says so until that has begun."""
    return (
        paragraph(
            "Ask a model from this page. The call goes through the same route as a game's, as you: its tokens count"
            " against your limit."
        )
        + """<try-it class="card padded try-it"><form>
<div class="field"><label for="try-model">Model</label>
<select class="input" id="try-model" disabled><option>Asking which models there are</option></select></div>
<div class="field"><label for="try-prompt">Prompt</label>
<textarea class="input" id="try-prompt" rows="3" maxlength="4000" required>Greet a tired hero in two sentences.
</textarea></div>
<div class="line-up"><button class="button primary" id="try-ask" disabled>Ask</button>
<button class="button" id="try-stop" type="button" disabled>Stop</button>
<label class="try-cap" for="try-cap">At most <input class="input little" id="try-cap" type="number" min="1" max="2000"
 value="150" required> tokens</label></div></form>
<output class="try-answer" id="try-answer" aria-live="polite" aria-label="Answer" hidden></output>
<p class="quiet small figures" id="try-cost" role="status"></p></try-it>"""
    )
