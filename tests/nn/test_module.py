import copy
import pickle
import re

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import nn
from tinygrad_lite.errors import GradientError, StateError


class Holder(nn.Module):
    """A module that has the given attributes, in their order."""

    def __init__(self, **attributes):
        vars(self).update(attributes)


class Nested(nn.Module):
    """Parameters, buffers and modules in every place where they are looked for."""

    def __init__(self):
        self.w = nn.Parameter([1.0, 2.0])
        self.mean = nn.Buffer([0.5])
        self.layers = [nn.Linear(2, 3), nn.Tanh(), [nn.Linear(3, 1, bias=False)]]
        self.pair = (nn.Parameter([3.0]), nn.Buffer([4, 5]))
        self.heads = {"a": nn.Linear(1, 2), "b": {"deep": nn.Parameter([[6.0]])}}
        self.size, self.name, self.nothing = 3, "nested", None


def paths(found):
    return [path for path, _ in found]


# ---- what is found -------------------------------------------------------------------------------


def test_parameters_are_found_in_attributes_lists_tuples_and_dicts_in_order():
    assert paths(Nested().named_parameters()) == [
        "w",
        "layers.0.weight",
        "layers.0.bias",
        "layers.2.0.weight",
        "pair.0",
        "heads.a.weight",
        "heads.a.bias",
        "heads.b.deep",
    ]


def test_buffers_are_found_likewise():
    assert paths(Nested().named_buffers()) == ["mean", "pair.1"]


def test_modules_are_found_likewise_the_outermost_first():
    model = Nested()
    found = dict(model.named_modules())
    assert list(found) == ["", "layers.0", "layers.1", "layers.2.0", "heads.a"]
    assert found[""] is model and found["layers.1"] is model.layers[1]


def test_paths_lead_to_the_parameters_themselves():
    model = Nested()
    found = dict(model.named_parameters())
    assert found["w"] is model.w
    assert found["heads.b.deep"] is model.heads["b"]["deep"]
    assert [id(p) for p in model.parameters()] == [id(p) for p in found.values()]


def test_order_is_that_of_assignment():
    model = Holder(b=nn.Parameter([1.0]), a=nn.Parameter([2.0]))
    model.c = nn.Parameter([3.0])
    model.b = nn.Parameter([4.0])  # takes the old one's place
    assert paths(model.named_parameters()) == ["b", "a", "c"]
    assert [p.item() for p in model.parameters()] == [4.0, 2.0, 3.0]


def test_parameters_added_later_are_found():
    model = Holder(layers=[nn.Linear(2, 2)])
    model.layers.append(nn.Linear(2, 2))
    assert paths(model.named_parameters())[2:] == ["layers.1.weight", "layers.1.bias"]


def test_parameter_that_was_removed_is_gone():
    model = nn.Linear(2, 3)
    model.bias = None
    assert paths(model.named_parameters()) == ["weight"]


def test_shared_parameter_is_found_once_under_its_first_path():
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    second.weight = first.weight
    model = Holder(first=first, second=second)
    assert paths(model.named_parameters()) == ["first.weight", "first.bias", "second.bias"]


def test_shared_module_is_found_once_under_its_first_path():
    layer = nn.Linear(2, 2)
    model = Holder(encoder=layer, all=[layer, nn.ReLU()])
    assert paths(model.named_modules()) == ["", "encoder", "all.1"]
    assert paths(model.named_parameters()) == ["encoder.weight", "encoder.bias"]


def test_equal_parameters_are_two():
    model = Holder(a=nn.Parameter([1.0]), b=nn.Parameter([1.0]))
    assert len(model.parameters()) == 2


def test_module_that_holds_its_owner_ends():
    child = Holder(w=nn.Parameter([1.0]))
    model = Holder(child=child)
    child.owner = model
    assert paths(model.named_parameters()) == ["child.w"]
    assert paths(child.named_modules()) == ["", "owner"]


def test_frozen_parameters_are_still_found():
    model = nn.Linear(2, 3)
    model.weight.requires_grad = False
    assert model.parameters()[0] is model.weight
    assert "weight" in model.state_dict()


@pytest.mark.parametrize(
    ("attributes", "path"),
    [
        ({"w": tl.Tensor([1.0], requires_grad=True)}, "w"),
        ({"ws": [nn.Parameter([1.0]), tl.Tensor([1.0], requires_grad=True)]}, "ws.1"),
        ({"part": Holder(w=tl.Tensor([1.0], requires_grad=True))}, "part.w"),
    ],
)
def test_tensor_that_would_not_be_trained_is_refused(attributes, path):
    with pytest.raises(GradientError) as caught:
        Holder(**attributes).parameters()
    assert str(caught.value) == (
        f"Holder.{path} is a Tensor that requires a gradient, but no Parameter, so it wouldn't be "
        "trained. Use nn.Parameter(…), or detach it."
    )


@pytest.mark.parametrize("member", [nn.Parameter([1.0]), nn.Buffer([1.0])])
@pytest.mark.parametrize("value", [tl.Tensor([2.0]), np.zeros(1), 0.5, nn.ReLU()])
def test_parameter_is_not_lost_by_an_assignment_of_values(member, value):
    model = Holder(w=member)
    with pytest.raises(GradientError) as caught:
        model.w = value
    kind = type(member).__name__
    assert str(caught.value) == (
        f"Holder.w is a {kind}, and a {type(value).__name__} in its place would be lost to "
        f"parameters() and state_dict(). Write values with m.w.data = …, or give a new "
        f"nn.{kind}(…)."
    )
    assert model.w is member


def test_update_in_place_assigns_the_parameter_itself():
    model = Holder(w=nn.Parameter([1.0]))
    with tl.no_grad():
        model.w -= 0.5
    assert model.w.tolist() == [0.5] and isinstance(model.w, nn.Parameter)


@pytest.mark.parametrize("member", [nn.Parameter([1.0]), nn.ReLU()])
@pytest.mark.parametrize("kind", [set, frozenset])
def test_set_of_members_is_refused_as_it_has_no_order(kind, member):
    for walked in (Holder(parts=kind([member])), Holder(part=[Holder(parts=kind([member]))])):
        with pytest.raises(GradientError, match=r"^Holder\.(part\.0\.)?parts is a .*Use a list"):
            walked.parameters()
    assert Holder(names=kind(["a", "b"])).parameters() == []


def test_results_and_constants_among_the_attributes_are_let_be():
    w = nn.Parameter([1.0])
    model = Holder(w=w, constant=tl.Tensor([1.0]), last=w * 2)
    assert paths(model.named_parameters()) == ["w"]
    assert list(model.state_dict()) == ["w"]


def test_parameter_of_integers_is_refused():
    with pytest.raises(GradientError, match="holds int64, and only floating-point tensors have"):
        nn.Parameter([1, 2])


def test_parameter_copies_its_values():
    values = np.ones(3)
    w = nn.Parameter(values)
    values[:] = 9.0
    assert w.tolist() == [1.0, 1.0, 1.0]


# ---- what reaches all ----------------------------------------------------------------------------


def test_train_and_eval_reach_all_modules_and_return_the_module():
    model = Nested()
    assert all(module.training for _, module in model.named_modules())
    assert model.eval() is model
    assert not any(module.training for _, module in model.named_modules())
    assert model.train() is model
    assert all(module.training for _, module in model.named_modules())
    assert not model.train(False).training


def test_eval_of_one_model_leaves_others_training():
    one, other = Nested(), Nested()
    one.eval()
    assert other.training and other.layers[0].training


def test_eval_of_a_part_leaves_the_rest_training():
    model = Nested()
    model.heads["a"].eval()
    assert model.training and model.layers[0].training


def test_zero_grad_reaches_all_parameters():
    model = Nested()
    for parameter in model.parameters():
        parameter.grad = np.ones(parameter.shape)
    model.zero_grad()
    assert all(parameter.grad is None for parameter in model.parameters())


# ---- calls ---------------------------------------------------------------------------------------


def test_call_hands_everything_to_forward():
    class Affine(nn.Module):
        def forward(self, x, factor, *, shift=0.0):
            return x * factor + shift

    assert Affine()(tl.Tensor([1.0, 2.0]), 3.0, shift=1.0).tolist() == [4.0, 7.0]


def test_module_without_forward_says_so():
    with pytest.raises(AttributeError, match=r"^Holder has no forward\(\): define what it comp"):
        Holder()(1.0)


def test_error_in_forward_leaves_the_next_call_unharmed():
    layer = nn.Linear(3, 2)
    with pytest.raises(tl.errors.ShapeError):
        layer(tl.ones(4))
    y = layer(tl.ones(3))
    assert y.call.module() is layer and y.call.parent is None


# ---- states --------------------------------------------------------------------------------------


def test_state_dict_has_parameters_then_buffers_by_path():
    model = Nested()
    state = model.state_dict()
    assert list(state) == [*paths(model.named_parameters()), "mean", "pair.1"]
    assert all(type(array) is np.ndarray for array in state.values())
    assert state["pair.1"].tolist() == [4, 5]


def test_state_dict_is_a_copy():
    model = nn.Linear(2, 3)
    state = model.state_dict()
    before = model.weight.numpy()
    state["weight"][:] = 9.0
    np.testing.assert_array_equal(model.weight.numpy(), before)
    kept = state["bias"].copy()
    model.bias.data = [7.0, 8.0, 9.0]
    np.testing.assert_array_equal(state["bias"], kept)


def test_state_makes_the_round_trip_into_another_model():
    tl.seed(0)
    one, other = Nested(), Nested()
    x = tl.ones(4, 2)
    assert one.layers[0](x).tolist() != other.layers[0](x).tolist()
    one.mean.data = [0.25]
    before = other.w
    other.load_state_dict(one.state_dict())
    assert one.layers[0](x).tolist() == other.layers[0](x).tolist()
    assert other.mean.tolist() == [0.25]
    assert other.w is before and other.w.requires_grad


def test_loaded_state_is_copied():
    state = {"weight": np.ones((2, 1), np.float32)}
    layer = nn.Linear(2, 1, bias=False)
    layer.load_state_dict(state)
    state["weight"][:] = 9.0
    assert layer.weight.tolist() == [[1.0], [1.0]]


def test_state_may_be_of_another_precision_or_of_lists():
    layer = nn.Linear(2, 1, bias=False)
    layer.load_state_dict({"weight": np.array([[0.5], [2.0]], np.float64)})
    assert layer.weight.dtype == np.float32 and layer.weight.tolist() == [[0.5], [2.0]]
    layer.load_state_dict({"weight": [[1.0], [3.0]]})
    assert layer.weight.tolist() == [[1.0], [3.0]]


def test_frozen_parameters_are_loaded_and_stay_frozen():
    layer = nn.Linear(2, 1, bias=False)
    layer.weight.requires_grad = False
    layer.load_state_dict({"weight": np.ones((2, 1))})
    assert layer.weight.tolist() == [[1.0], [1.0]] and not layer.weight.requires_grad


def test_loading_is_a_write_that_backward_notices():
    layer = nn.Linear(2, 1)
    x = tl.ones(3, 2)
    x.requires_grad = True
    loss = layer(x).sum()
    layer.load_state_dict(layer.state_dict())
    with pytest.raises(tl.errors.MutationError):
        loss.backward()


def test_state_that_does_not_fit_lists_all_that_is_wrong_and_changes_nothing():
    model = Holder(
        layer=nn.Linear(2, 3), w=nn.Parameter([1.0]), steps=nn.Buffer([0]), last=nn.Parameter([2.0])
    )
    before = model.state_dict()
    state = {
        "layer.weight": np.zeros((3, 2)),
        "layer.biased": np.zeros(3),
        "w": np.array([1j]),
        "steps": np.array([0.5]),
        "last": np.array([9.0]),
    }
    with pytest.raises(StateError) as caught:
        model.load_state_dict(state)
    assert str(caught.value).splitlines() == [
        "Holder.load_state_dict: the state doesn't fit:",
        "  missing     layer.bias  (3,)",
        "  unexpected  layer.biased  (3,)",
        "  shape       layer.weight  is (2, 3) here, (3, 2) there",
        "  dtype       w  is float32 here, complex128 there",
        "  dtype       steps  is int64 here, float64 there",
        "  Nothing was loaded.",
    ]
    for path, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[path])


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda s: s.pop("bias"), "missing     bias  (3,)"),
        (lambda s: s.update(scale=np.zeros(2)), "unexpected  scale  (2,)"),
        (lambda s: s.update(bias=np.zeros(())), "shape       bias  is (3,) here, () there"),
        (lambda s: s.update(bias=np.array(["a", "b", "c"])), "dtype       bias  is float32 here"),
        (lambda s: s.clear(), "missing     weight  (2, 3)"),
    ],
)
def test_each_misfit_is_refused_and_changes_nothing(change, line):
    layer = nn.Linear(2, 3)
    before = layer.state_dict()
    state = {"weight": np.zeros((2, 3)), "bias": np.zeros(3)}
    change(state)
    with pytest.raises(StateError, match=re.escape(line)):
        layer.load_state_dict(state)
    np.testing.assert_array_equal(layer.weight.numpy(), before["weight"])
    np.testing.assert_array_equal(layer.bias.numpy(), before["bias"])


@pytest.mark.parametrize("state", ["x.npz", None, [np.ones(2)]])
def test_what_is_no_state_is_refused(state):
    with pytest.raises(StateError) as caught:
        nn.Linear(2, 3).load_state_dict(state)
    assert str(caught.value) == (
        f"Linear.load_state_dict takes a state, a dict, not a {type(state).__name__}: "
        "tl.load(path) reads one from a file."
    )


def test_whole_checkpoint_is_refused_with_the_state_that_was_meant():
    layer = nn.Linear(2, 3)
    checkpoint = {"epoch": 3, "model": layer.state_dict(), "losses": [[1.0], [1.0, 2.0]]}
    with pytest.raises(StateError) as caught:
        layer.load_state_dict(checkpoint)
    assert str(caught.value) == (
        "Linear.load_state_dict: the state has epoch, model, losses: did you mean state['model']?"
    )


def test_archive_of_numpy_is_a_state(tmp_path):
    one, other = nn.Linear(2, 3), nn.Linear(2, 3)
    np.savez(tmp_path / "x.npz", **one.state_dict())
    with np.load(tmp_path / "x.npz") as state:
        other.load_state_dict(state)
    assert other.weight.tolist() == one.weight.tolist()


def test_state_error_is_a_key_error_that_reads_well():
    error = StateError("one\ntwo")
    assert isinstance(error, KeyError) and str(error) == "one\ntwo"


# ---- copies --------------------------------------------------------------------------------------


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copied_model_is_independent_and_keeps_what_is_shared(copied):
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2, bias=False))
    model[1].weight = model[0].weight
    twin = copied(model)
    assert [type(p) for p in twin.parameters()] == [nn.Parameter] * 2
    assert twin[1].weight is twin[0].weight is not model[0].weight
    before = model[0].weight.numpy()
    twin[0].weight.data = np.zeros((2, 2))
    np.testing.assert_array_equal(model[0].weight.numpy(), before)


# ---- how it reads --------------------------------------------------------------------------------


def test_repr_lists_what_it_holds_with_counts_of_parameters():
    model = Holder(w=nn.Parameter([1.0, 2.0]), mean=nn.Buffer([0.5]))
    model.layers = [nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1, bias=False)]
    model.body = nn.Sequential(nn.Linear(1, 1))
    lines = [re.split(r"  +", line.strip()) for line in repr(model).splitlines()]
    assert lines == [
        ["Holder(): 16 parameters"],
        ["w", "Parameter (2,)"],
        ["mean", "Buffer (1,)"],
        ["layers.0", "Linear(2 → 3): 9 parameters"],
        ["layers.1", "Tanh()"],
        ["layers.2", "Linear(3 → 1, no bias): 3 parameters"],
        ["body", "Sequential(1 module): 2 parameters"],
        ["body.0", "Linear(1 → 1): 2 parameters"],
    ]


def test_repr_counts_in_thousands_and_one():
    assert repr(nn.Linear(1, 1, bias=False)).startswith("Linear(1 → 1, no bias): 1 parameter\n")
    assert repr(nn.Linear(100, 50)).startswith("Linear(100 → 50): 5,050 parameters\n")


def test_repr_counts_a_shared_parameter_once():
    layer = nn.Linear(2, 3)
    assert repr(Holder(a=layer, b=[layer])).startswith("Holder(): 9 parameters\n")


def test_repr_of_a_module_without_parameters_says_so():
    assert repr(nn.ReLU()) == "ReLU(): 0 parameters"
