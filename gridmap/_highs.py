"""Mixed-integer models straight into HiGHS, without a modelling layer in between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import highspy
import numpy as np

from gridmap.typing import Bools, Floats

if TYPE_CHECKING:
    from scipy.sparse import csr_array


LARGE = 20_000  # entries beyond which the simplex is too slow

_FEASIBLE = 2  # kSolutionStatusFeasible


@dataclass(frozen=True, eq=False)
class Answer:
    """What the solver found.

    Parameters
    ----------
    values
        Value of each variable, or None where no solution was found.
    bound
        Proven lower bound of the objective.
    proven
        Whether the solution is optimal within the gap asked for.
    infeasible
        Whether it is proven that there is no solution.
    """

    values: Floats | None
    bound: float
    proven: bool
    infeasible: bool


def minimise(
    objective: Floats,
    rows: csr_array,
    low: Floats,
    high: Floats,
    *,
    whole: Bools,
    upper: Floats | None = None,
    seconds: float = np.inf,
    nodes: int | None = None,
    gap: float = 0.0,
    absolute_gap: float = 1e-6,
    start: Floats | None = None,
) -> Answer:
    """Minimise a linear objective over variables of at least 0.

    Parameters
    ----------
    objective
        Shape (v,).
    rows, low, high
        Constraints ``low <= rows @ x <= high``, shapes (r, v), (r,), (r,).
    whole
        Which variables are whole numbers, shape (v,).
    upper
        Upper bounds, 1 if None.
    seconds
        Time limit.
    nodes
        Limit of branch-and-bound nodes: unlike seconds, the same on every machine.
    gap
        Relative gap at which a solution counts as optimal.
    absolute_gap
        The same in the objective's unit.
    start
        A known solution.
    """
    solver = _load(objective, rows, low, high, upper)
    kinds = np.array([highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger])
    columns = np.arange(len(objective), dtype=np.int32)
    solver.changeColsIntegrality(len(columns), columns, kinds[whole.astype(np.int64)])
    solver.setOptionValue("mip_rel_gap", max(gap, 1e-9))
    solver.setOptionValue("mip_abs_gap", absolute_gap)
    if np.isfinite(seconds):
        solver.setOptionValue("time_limit", max(seconds, 0.01))
    if nodes is not None:
        solver.setOptionValue("mip_max_nodes", nodes)
    if start is not None:
        solution = highspy.HighsSolution()
        solution.col_value = list(start)
        solver.setSolution(solution)
    solver.run()
    status = solver.getModelStatus()
    info = solver.getInfo()
    found = info.primal_solution_status == _FEASIBLE
    return Answer(
        values=np.array(solver.getSolution().col_value) if found else None,
        bound=float(info.mip_dual_bound),
        proven=status == highspy.HighsModelStatus.kOptimal,
        infeasible=status == highspy.HighsModelStatus.kInfeasible,
    )


def relax(
    objective: Floats, rows: csr_array, low: Floats, high: Floats, *, seconds: float
) -> tuple[float, Floats, Floats, Floats] | None:
    """Return the relaxation's value, reduced costs, row prices and solution; or None.

    A large model is solved by interior points alone: its value is then close, no bound.

    Parameters
    ----------
    objective, rows, low, high
        As for `minimise`, with variables from 0 to 1.
    seconds
        Time limit.
    """
    solver = _load(objective, rows, low, high, None)
    solver.setOptionValue("time_limit", max(seconds, 0.01))
    if rows.nnz > LARGE:
        solver.setOptionValue("solver", "ipm")
        solver.setOptionValue("run_crossover", "off")
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    value = float(solver.getInfo().objective_function_value)
    solution = solver.getSolution()
    duals = np.array(solution.col_dual), np.array(solution.row_dual)
    return value, *duals, np.array(solution.col_value)


def _load(
    objective: Floats, rows: csr_array, low: Floats, high: Floats, upper: Floats | None
) -> highspy.Highs:
    solver = highspy.Highs()
    solver.silent()
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(objective), rows.shape[0]
    lp.col_cost_ = objective
    lp.col_lower_ = np.zeros(len(objective))
    lp.col_upper_ = np.ones(len(objective)) if upper is None else upper
    lp.row_lower_, lp.row_upper_ = low, high
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = rows.indptr.astype(np.int32)
    lp.a_matrix_.index_ = rows.indices.astype(np.int32)
    lp.a_matrix_.value_ = rows.data.astype(np.float64)
    solver.passModel(lp)
    solver.setOptionValue("threads", 1)
    return solver
