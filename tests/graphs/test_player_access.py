"""The player without a mouse, without colours, by fingers, on small screens, and in notebooks."""

import html

import pytest

import tinygrad_lite as tl
from tinygrad_lite.graphs.notebook import INSTEAD

from . import playing as player
from .playing import arrays, at_step, leaf, scalars, training, wait_for_drawing

browser, play, pytestmark = player.browser, player.play, player.pytestmark
expect = player.expect

FOCUS = """() => {
  const { activeElement: e } = document;
  return e === document.body ? "" : e.dataset.id ?? e.dataset.group ?? (e.id ||
    e.getAttribute("aria-label") || e.textContent.trim().slice(0, 40));
}"""


def focus(page):
    """What has the focus: an id, or how it is called; "" if nothing has."""
    return page.evaluate(FOCUS)


def focus_box(page, name):
    """Go to the box of a value, by the arrow keys; its id."""
    box = page.evaluate(
        "name => [...Player.state.boxes.values()].find("
        "b => b.value != null && Player.state.values[b.value].name === name).id",
        name,
    )
    page.focus("#canvas [tabindex='0']")
    count = page.locator("#canvas .box, #canvas .fold").count()
    for key in ["ArrowUp"] * count + ["ArrowDown"] * count:
        if focus(page) == box:
            return box
        page.keyboard.press(key)
    raise AssertionError(f"arrow keys don't reach {name}")


def wrong_rule():
    @tl.op(x=lambda g, out, x: g * 2 * x)
    def cube(x):
        return x**3

    return tl.graph(cube(leaf([0.5, 2.0], "a")).sum())


# ---- read aloud ----------------------------------------------------------------------------------


def test_box_says_its_value_and_gradient_when_they_are_there(play):
    page = play(scalars())
    w = page.locator("#canvas .box.parameter").filter(has_text="w")
    assert w.get_attribute("aria-label") == "w, -3"
    result = page.locator("#canvas .box", has_text="tanh")
    assert result.get_attribute("aria-label").endswith("not computed yet")
    page.keyboard.press("End")
    at_step(page, page.evaluate("Player.state.steps.length"))
    expect(w).to_have_attribute("aria-label", "w, -3, ∂ 1.573")
    assert "not computed" not in result.get_attribute("aria-label")


def test_step_is_announced_once(play):
    page = play(scalars())
    expect(page.locator("#live")).to_contain_text("Step 1 of 14")
    page.evaluate(
        "globalThis.said = [];"
        "new MutationObserver(() => said.push(Player.get('live').textContent)).observe("
        "Player.get('live'), { childList: true })"
    )
    page.clock.install()
    for key in ("ArrowRight", "d", "d"):  # in other colours it's the same step
        page.keyboard.press(key)
        page.clock.run_for(1000)
    assert [text.split(":")[0] for text in page.evaluate("said")] == ["Step 2 of 14, forward"]


def test_panes_are_of_their_tabs_only_where_there_are_tabs(play):
    page = play(scalars(), 360, 740)
    assert page.get_by_role("tabpanel", include_hidden=True).count() == 3
    assert page.get_by_role("tabpanel").count() == 1
    page.focus("#tab-picture")
    page.keyboard.press("ArrowRight")
    assert focus(page) == "tab-step"
    expect(page.get_by_role("tab", selected=True)).to_have_text("Step")
    page.set_viewport_size({"width": 1280, "height": 800})
    expect(page.get_by_role("tabpanel", include_hidden=True)).to_have_count(0)
    expect(page.get_by_role("region")).to_have_count(3)


def test_rule_that_disagrees_is_named_in_words(play, monkeypatch):
    graph = wrong_rule()
    monkeypatch.setattr(graph, "save", lambda path: type(graph).save(graph, path, check=True))
    page = play(graph)
    remark = page.locator("#remark")
    expect(remark).to_contain_text("disagree with central differences")
    expect(remark).to_contain_text("cube(a)")
    box = page.locator("#canvas .box:has(.badge.wrong)")
    assert "DISAGREES" in box.get_attribute("aria-label")
    assert page.locator("#canvas .badge.right").count() == 1  # of the sum
    assert "sum" not in remark.inner_text()


# ---- by keyboard ---------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1280, 800), (360, 740)])
def test_tab_comes_to_everything_and_leaves_it(play, size):
    page = play(training(), *size)
    for _ in range(12):
        page.keyboard.press("+")  # so that the box that Tab comes to is out of sight
    page.evaluate("Player.view.pan(4000, 4000)")
    seen = []
    for _ in range(60):
        page.keyboard.press("Tab")
        if not focus(page) or focus(page) in seen:
            break  # it begins again
        seen.append(focus(page))
        where = page.evaluate("document.activeElement.closest('#canvas') && 'picture'")
        seen[-1] = where or seen[-1]
    assert seen.count("picture") == 1
    assert len(set(seen)) == len(seen)
    wanted = ["search", "theme", "ask", "picture", "closer", "fold", "play", "timeline", "speed"]
    assert [x for x in seen if x in wanted] == wanted
    back = []
    for _ in seen:
        page.keyboard.press("Shift+Tab")
        where = page.evaluate("document.activeElement.closest('#canvas') && 'picture'")
        back.append(where or focus(page))
    assert back == seen[::-1]


def test_focus_is_seen_on_the_box_of_the_step(play):
    page = play(arrays())
    body = page.locator("#canvas .box.now .body")
    expect(body).to_have_css("outline-style", "none")
    page.keyboard.press("Tab")  # else it would be as if by mouse
    page.focus("#canvas .box.now")
    expect(body).to_have_css("outline-style", "solid")


def test_focus_stays_on_a_module_that_is_closed_and_opened(play):
    page = play(training())
    group = page.evaluate("[...Player.state.groups.keys()].at(-1)")
    page.focus(f"[data-group={group}]")
    for _ in range(2):
        wait_for_drawing(page, lambda: page.keyboard.press("Enter"))
        assert focus(page) == group
    inner = page.evaluate("[...Player.state.boxes.values()].find(b => b.group).id")
    page.focus(f"[data-id={inner}].box")
    wait_for_drawing(page, lambda: page.keyboard.press("c"))
    shown = page.evaluate("id => Player.state.shownAs(id)", inner)
    assert shown != inner
    assert focus(page) == shown
    page.keyboard.press("ArrowDown")  # it goes on from there
    page.keyboard.press("ArrowUp")
    assert focus(page) == shown


def test_focus_stays_in_what_is_made_anew(play):
    page = play(scalars())
    page.keyboard.press("End")
    at_step(page, 14)
    link = page.locator("#said .sum button").first
    link.focus()
    name = focus(page)
    page.keyboard.press("d")
    assert focus(page) == name
    page.keyboard.press("Enter")
    number = int(name.split()[1].rstrip(":"))
    at_step(page, number)
    assert focus(page) == name
    page.keyboard.press("Home")  # a step without such a sum
    at_step(page, 1)
    assert focus(page) == "step"


def test_focus_goes_back_to_the_box_when_what_is_shown_of_it_is_closed(play):
    page = play(arrays())
    box = focus_box(page, "bias")
    page.keyboard.press("Enter")
    expect(page.locator("#chosen")).to_be_visible()
    assert focus(page) == box
    expect(page.locator(f"[data-id={box}].box")).to_have_attribute("aria-pressed", "true")
    page.focus("#chosen .close")
    page.keyboard.press("Enter")
    expect(page.locator("#chosen")).to_be_hidden()
    assert focus(page) == box


def test_focus_goes_along_to_the_other_tab_of_a_narrow_screen(play):
    page = play(arrays(), 360, 740)
    focus_box(page, "bias")
    page.keyboard.press("Enter")
    expect(page.locator("#chosen")).to_be_visible()
    assert focus(page) == "step"
    page.focus("#chosen .close")
    page.keyboard.press("Enter")
    assert focus(page) == "step"


def test_search_leads_on_to_what_was_found_or_back(play):
    page = play(arrays())
    page.focus("#speed")
    page.focus("#timeline")
    page.keyboard.press("/")
    page.keyboard.type("f c d ? [ + bias")  # letters, not keys
    expect(page.locator("#count")).to_contain_text("step 1 of")
    expect(page.locator("#found [role=option]")).to_have_text("nothing of this name")
    expect(page.locator("#live")).to_have_text("nothing of this name")
    page.keyboard.press("Escape")
    assert focus(page) == "timeline"
    page.keyboard.press("/")
    page.keyboard.type("bias")
    page.keyboard.press("Enter")
    chosen = page.locator("#canvas .chosen")
    expect(chosen).to_have_count(1)
    assert focus(page) == chosen.get_attribute("data-id")


@pytest.mark.parametrize("modifier", ["Control", "Alt", "Meta"])
def test_keys_of_the_browser_are_left_to_it(play, modifier):
    page = play(arrays())
    page.evaluate(
        "globalThis.taken = []; addEventListener('keydown', e => e.defaultPrevented &&"
        " taken.push(e.key))"
    )
    for place in ("#timeline", "#said canvas, #said button, #next", "#canvas [tabindex='0']"):
        page.locator(place).first.focus()
        before = page.evaluate("[Player.state.at, document.documentElement.dataset.theme]")
        for key in ("ArrowRight", "ArrowDown", "d", "f"):
            page.evaluate(
                "([key, name]) => document.activeElement.dispatchEvent(new KeyboardEvent("
                "'keydown', { key, bubbles: true, cancelable: true, [name]: true }))",
                [key, {"Control": "ctrlKey", "Alt": "altKey", "Meta": "metaKey"}[modifier]],
            )
        after = page.evaluate("[Player.state.at, document.documentElement.dataset.theme]")
        assert after == before
    assert page.evaluate("taken") == []


# ---- what readers ask for ------------------------------------------------------------------------


def test_nothing_moves_where_no_motion_is_wanted(play):
    page = play(scalars())
    page.emulate_media(reduced_motion="reduce")
    page.keyboard.press("ArrowRight")
    at_step(page, 2)
    assert page.locator("#canvas .dot").count() == 0
    page.emulate_media(reduced_motion="no-preference")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#canvas .dot").first).to_be_attached()


def test_own_colours_of_the_reader_are_those_of_the_picture(play):
    page = play(scalars())
    page.emulate_media(forced_colors="active", reduced_motion="reduce")
    expect(page.locator("#theme")).to_be_hidden()
    shown = page.evaluate(
        "['.title', '.body'].map("
        "x => getComputedStyle(document.querySelector('.box.parameter ' + x)).fill)"
    )
    text, ground = page.evaluate(
        "['color', 'backgroundColor'].map(x => getComputedStyle(document.body)[x])"
    )
    assert shown == [text, ground]
    page.emulate_media(forced_colors="none")
    expect(page.locator("#theme")).to_be_visible()


@pytest.mark.parametrize("size", [(320, 568), (320, 256), (640, 400), (740, 360)])
def test_small_screens_can_be_read_and_played(play, size):
    page = play(training(), *size)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    for control in ("#next", "#timeline", "#search", "#tab-source", "#fit"):
        page.locator(control).scroll_into_view_if_needed()
        box = page.locator(control).bounding_box()
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= size[1]
    assert page.locator("#canvas").bounding_box()["height"] >= 150
    page.click("#next")
    at_step(page, 2)


# ---- by fingers ----------------------------------------------------------------------------------


def test_targets_are_large_enough_for_a_finger(play):
    page = play(training(), 360, 740)
    for tab in ("picture", "step", "source"):
        page.click(f"#tab-{tab}")
        for control in page.locator("button:visible, input:visible, select:visible, .live").all():
            if control.is_visible():
                box = control.bounding_box()
                assert min(box["width"], box["height"]) >= 40, control.evaluate("e => e.outerHTML")


def test_two_fingers_zoom_and_one_pans(play):
    page = play(scalars(), 360, 740)
    hand = page.context.new_cdp_session(page)
    hand.send("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 2})

    def touch(kind, *points):
        places = [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(points)]
        hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    def seen():
        world = "document.querySelector('#canvas .world').getCTM()"
        return page.evaluate(f"(({{ a, e, f }}) => [a, e, f])({world})")

    canvas = page.locator("#canvas").bounding_box()
    x, y = canvas["x"] + canvas["width"] / 2, canvas["y"] + 200
    scale, *_ = seen()
    touch("touchStart", (x - 40, y), (x + 40, y))
    for d in range(50, 81, 10):
        touch("touchMove", (x - d, y), (x + d, y))
    touch("touchEnd")
    grown, left, top = seen()
    assert grown == pytest.approx(2 * scale, rel=0.1)
    touch("touchStart", (x, y))
    for d in range(10, 61, 10):
        touch("touchMove", (x - d, y + d / 2))
    touch("touchEnd")
    same, moved, lower = seen()
    assert same == pytest.approx(grown)
    assert moved - left == pytest.approx(-60, abs=6)
    assert lower - top == pytest.approx(30, abs=4)
    assert page.evaluate("visualViewport.scale") == 1
    assert page.locator("#chosen").is_hidden()  # it was no click


# ---- in a notebook -------------------------------------------------------------------------------

# What VS Code allows in a notebook, if asked to be strict: no workers but those of files.
STRICT = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src https: http: data:; font-src https:; connect-src https:; child-src https: data:"
)


@pytest.mark.parametrize(
    "policy", ["", STRICT, STRICT.replace(" 'unsafe-eval'", "")], ids=["none", "strict", "no wasm"]
)
def test_player_runs_in_a_frame_of_a_notebook(browser, policy):
    shown = scalars().player()._repr_mimebundle_()["text/html"]
    page = browser.new_page()
    keys = "<script>addEventListener('keydown', () => document.title += 'x')</script>"
    meta = f'<meta http-equiv="Content-Security-Policy" content="{html.escape(policy)}">'
    page.set_content(f"<!doctype html>{meta if policy else ''}<title></title>{keys}{shown}")
    frame = page.frame_locator("iframe")
    frame.locator("#canvas[data-ready]").wait_for()
    assert frame.locator("#canvas .box").count() == 7
    frame.locator("#count").click()
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    expect(frame.locator("#count")).to_have_text("step 3 of 14")
    assert page.title() == ""  # keys are the frame's alone
    assert page.url == "about:blank"
    page.close()


def test_notebook_that_takes_frames_out_says_what_to_do(browser):
    shown = scalars().player()._repr_mimebundle_()["text/html"]
    page = browser.new_page()
    page.set_content(shown)
    assert page.locator("body").inner_text().strip() == ""
    assert page.locator("iframe").get_attribute("title").startswith("The player of ")
    page.evaluate(
        "document.querySelector('iframe').replaceWith(document.querySelector('iframe').textContent)"
    )
    assert page.locator("body").inner_text().strip() == INSTEAD
    page.close()
