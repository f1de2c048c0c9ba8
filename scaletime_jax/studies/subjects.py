"""What the conclusions of studies are about: claims, and how they are told."""

from collections.abc import Mapping
from typing import NamedTuple


class Subject(NamedTuple):
    """What a sentence is about: the claims of one quantity.

    Attributes:
        words: the quantity, as the beginning of a sentence.
        claimed: what is claimed of it.
        quantity: how `Claim.quantity` begins.
        statement: how `Claim.statement` begins.
        source: how `Claim.source` begins.
        setting: values that `Claim.setting` has.
    """

    words: str
    claimed: str
    quantity: str = ""
    statement: str = ""
    source: str = ""
    setting: Mapping[str, str] = {}


ERRORS = {"loss_of": "test_loss"}
# By study, in the order of the sentences.
SUBJECTS: dict[str, tuple[Subject, ...]] = {
    "extrapolate": (
        Subject(
            "Over size the mean |log(predicted / true)| of the test loss",
            "a prediction is taken to hold below 0.1",
            quantity="mean |log",
            source="[BF24, Fig. 3, 10]",
            setting=ERRORS,
        ),
        Subject(
            "Over time that error",
            "the limit is the same",
            quantity="mean |log",
            source="[BF24, Fig. 3, 11]",
            setting=ERRORS,
        ),
        Subject(
            "The logarithm of the error over the error of predicting no change, both "
            "over size and over time,",
            "below 0 the prediction is better than no change",
            quantity="log(error of the prediction",
            setting=ERRORS,
        ),
    ),
    "equivalence": (
        Subject(
            "The exponent of parameters at which curves of all sizes are most alike",
            "the paper's is 1/3",
            statement="Size^(1/3)",
        ),
        Subject(
            "What one common curve leaves, in units of what seeds differ by,",
            "up to 1 one curve describes all sizes",
            statement="All curves are one function",
        ),
    ),
    "data_scaling": (
        Subject(
            "The exponent of examples needed in effective size",
            "below 0 larger networks need less data",
            statement="Larger networks",
        ),
        Subject(
            "The log ratio of training losses at most and at least data",
            "below 0 the training error falls with data",
            statement="The training error",
        ),
    ),
    "label_noise": (
        Subject(
            "Of the largest error that label noise adds, the part left at the end of "
            "training",
            "above 0.5 the error persists",
            statement="The error that label noise adds persists or grows with training",
        ),
        Subject(
            "The part left at the largest size",
            "the limit is the same",
            statement="The error that label noise adds persists or grows with size",
        ),
    ),
    "effective_size": (
        Subject(
            "The exponent of examples fitted in parameters",
            "the paper's is 1/3",
            quantity="exponent of capacity",
        ),
    ),
    "random_features": (
        Subject(
            "The exponents of the loss over data and over features",
            "equal exponents differ by 0",
            quantity="alpha_D - alpha_P",
        ),
        Subject(
            "The exponent of what finite data add to the loss",
            "theory says 1",
            quantity="variance-limited exponent in D",
        ),
    ),
    "teacher_student": (
        Subject(
            "Four over the exponent of the loss, by the dimension of the inputs,",
            "theory says 1",
            quantity="4 / alpha",
        ),
    ),
    "resolution_limited": (
        Subject(
            "The change of the exponent of the best test loss from end to end",
            "the exponent of one power law changes by less than 0.1",
            quantity="change of the exponent",
        ),
        Subject(
            "An exponent of the error or the final loss, by that of the best loss,",
            "the paper finds them alike, here between 0.8 and 1.25",
            quantity="exponent over that",
        ),
        Subject(
            "Four over the exponent of the best test loss, by measured dimensions,",
            "1 is what smooth targets allow",
            quantity="4 / alpha",
        ),
    ),
    "data_distribution": (
        Subject(
            "The change of the exponent over data by superclasses",
            "the paper sees none, here up to 0.05",
            quantity="change of alpha_D by classes",
        ),
        Subject(
            "The change of the exponent over data by noise on the inputs",
            "noise lowers the exponent",
            quantity="change of alpha_D by noise",
        ),
    ),
    "learned_features": (
        Subject(
            "The exponent over data of the excess loss of few learned features",
            "the paper says 1, with a deviation at a small ridge",
            quantity="variance-limited exponent in D",
        ),
        Subject(
            "The mean |log| of the loss over data divided by that over features",
            "the paper sees equal losses, here up to 0.05",
            quantity="mean |log(loss over data / loss over features)|",
        ),
        Subject(
            "The exponent on teachers' targets less that on real labels",
            "teachers are learned faster",
            quantity="exponent on teachers' targets - on real labels",
        ),
        Subject(
            "The exponent of the fall of the labels' coefficients over the modes",
            "the paper sees equal coefficients, here an exponent up to 0.15",
            quantity="exponent of the fall of w_i^2 over modes",
        ),
    ),
    "aspect_ratio": (
        Subject(
            "The change of the exponent over data by depth",
            "the paper sees a mild one, here up to 0.05",
            quantity="change of alpha_D by depth",
        ),
        Subject(
            "The change of the exponent over data by width",
            "a wider network has the larger exponent",
            quantity="change of alpha_D by width",
        ),
        Subject(
            "The change of the exponent over data between the two largest widths",
            "the paper sees a saturating width, here a change up to 0.05",
            quantity="change of alpha_D by largest widths",
        ),
    ),
    "rate_transfer": (
        Subject(
            "The power of two by which the best learning rate of the widest network "
            "differs from that of the narrowest with muP",
            "a transfer is within a factor of 2",
            statement="With muP",
        ),
        Subject(
            "Without muP that power",
            "a drift is a fall below half",
            statement="Without muP",
        ),
    ),
    "variance_limited": (
        Subject(
            "The exponent of what finite data add to the loss of narrow networks",
            "a variance has exponent 1",
            quantity="exponent of L(D)",
        ),
        Subject(
            "The exponent in the width of the loss less that of the linearised network",
            "a difference of the first order has exponent 1",
            quantity="exponent of L(w)",
        ),
    ),
    "student_functions": (
        Subject(
            "The dimension measured on inputs and on hidden layers, by the true one,",
            "a ratio of 1 is exact",
            statement="The dimension measured",
        ),
        Subject(
            "Two over the exponent of the nearest example's loss, by the dimension,",
            "theory says 1 on many examples",
            statement="The loss of the nearest",
        ),
        Subject(
            "Four over the exponent of linear interpolation's loss, by the dimension,",
            "theory says 1 on many examples",
            statement="The loss of linear",
        ),
    ),
    "duality": (
        Subject(
            "The loss over data by the loss over features",
            "where data and features may be exchanged the ratio is 1",
            statement="Data and features",
        ),
    ),
    "descent": (
        Subject(
            "Over the settings of the map the mean distance of an exponent of single "
            "steps from kappa, less that of 1/3,",
            "below 0 the growth of single steps tells kappa better",
            statement="The growth of steps tells kappa better than 1/3",
        ),
        Subject(
            "The same, less that of the mean of the other settings,",
            "below 0 the growth of single steps tells the settings apart",
            statement="The growth of steps tells kappa better than the mean",
        ),
        Subject(
            "The rank correlation of kappa and effective directions over parameters",
            "Theorem 1 is the nearer, the fewer directions there are",
            statement="Kappa is the larger",
        ),
    ),
    "kernel_scale": (
        Subject(
            "Over the number of parameters the slope of the kernel's scale between the "
            "two largest networks",
            "1/2 is expected at large width, and 0 in NT parameterisation",
            statement="At large width",
        ),
        Subject(
            "The same slope",
            "1/3 would be the paper's exchange of size and time",
            statement="The lazy regime",
        ),
        Subject(
            "The mean squared derivative by theory's, at all sizes,",
            "the recursion over layers is exact where the ratio is 1",
            statement="The mean squared derivative at finite width",
        ),
    ),
    "manifold_bounds": (
        Subject(
            "The share of draws in which a loss is above the bound of Theorem 1",
            "a violation would refute the theorem",
            statement="The loss is below the bound",
        ),
        Subject(
            "The exponent of the nearest neighbour's squared loss, less 2/d,",
            "within 0.05 the bound is also an estimate",
            statement="The nearest neighbour's squared loss",
        ),
        Subject(
            "The exponent of the squared loss of linear pieces, less 4/d,",
            "the limit is the same",
            statement="The squared loss of linear pieces",
        ),
    ),
}
