"""Whatever windows say, whenever detect dies and whoever is silenced: nothing is lost or said
twice."""

import tempfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import select

from alerts import causes, state
from alerts.state import Alert, State, Window
from alerts.telling import explained
from alerts.words import Cause
from detectors.report import Explanation, Shift, Verdict
from monitor.detect import rules
from monitor.sql import tables
from monitor.sql.database import open_database
from tests.alerts.reports import QUIET, drifting
from tests.monitor.detect.house import House
from tests.support.counted import HOUR

BROKEN = Explanation(shift=Shift.DATA_QUALITY, because="half are missing", movements=())
REPORTS = {
    "quiet": QUIET,
    "drift": drifting(),
    "broken": replace(drifting(), explanation=BROKEN),
    "undecided": replace(QUIET, verdict=Verdict.UNDECIDED, n_rows=3),
}
Key = tuple[Cause, str]


class Told(RuleBasedStateMachine):
    """Beside the real thing, alerts that are stepped in memory and never crash."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.database = open_database(f"sqlite:///{Path(self.folder.name) / 'd.db'}")
        self.house = House(self.database)
        self.apply(1, 0)
        self.n_hours = 0
        self.last = ""
        self.model: dict[Key, Alert] = {}

    def teardown(self) -> None:
        self._every_silence_ends()
        self.house.tell()
        self._is_settled()
        self.database.engine.dispose()
        self.folder.cleanup()

    @rule(enough=st.integers(1, 2), keep_h=st.sampled_from([0, 2]))
    def apply(self, enough: int, keep_h: int) -> None:
        self.house.apply(windows=f"{enough} of {enough + 1}", keep_firing_for=f"{keep_h}h")

    @rule(name=st.sampled_from(sorted(REPORTS)), dies=st.booleans())
    def hour(self, name: str, dies: bool) -> None:
        if dies:
            self.house.hour(self.n_hours, REPORTS[name], dies=True)
        self.house.hour(self.n_hours, REPORTS[name])
        self._step_the_model(name)
        self.last = name
        self.n_hours += 1

    @rule()
    def the_last_hour_is_shown_again(self) -> None:
        if self.n_hours:
            self.house.hour(self.n_hours - 1, REPORTS[self.last])

    @rule(dies=st.booleans())
    def tell(self, dies: bool) -> None:
        if dies:
            self.house.tell(dies=True)
        self.house.tell()

    @rule(minutes=st.integers(1, 90), matcher=st.sampled_from(["monitor=seats", "cause=drift"]))
    def silence(self, minutes: int, matcher: str) -> None:
        self.house.silence(matcher, for_s=60.0 * minutes)
        self.house.now += 1

    @rule(minutes=st.integers(1, 120))
    def time_passes(self, minutes: int) -> None:
        self.house.now += 60.0 * minutes

    @rule()
    def restart(self) -> None:
        registrations, now = self.house.registrations, self.house.now
        self.house = House(self.database, now=now, registrations=registrations)

    @invariant()
    def what_is_known_is_what_was_never_interrupted(self) -> None:
        assert self._known() == {alert.id: alert for alert in self.model.values()}

    @invariant()
    def everybody_hears_of_a_beginning_before_an_end_and_of_each_once(self) -> None:
        for states in self._told().values():
            assert states in (["firing"], ["firing", "resolved"])

    def _step_the_model(self, name: str) -> None:
        monitor = self.house.registrations["seats"].monitor
        window = Window(start=self.n_hours * HOUR, end=(self.n_hours + 1) * HOUR)
        for one in rules.asked(monitor, monitor.spec.windows[0]):
            judged = one.judge(REPORTS[name])
            seen = causes.observe(REPORTS[name], one.rule, judged, monitor="seats", window=window)
            made = state.step(self.model.get(one.key), seen, one.rule.policy)
            if made.alert is not None:
                self.model[one.key] = made.alert

    def _known(self) -> dict[str, Alert]:
        """The latest alert of every cause, by id."""
        t = tables.alerts
        with self.database.read() as connection:
            bodies = connection.scalars(select(t.c.body).order_by(t.c.started_at)).all()
        latest = {alert.cause: alert for alert in map(Alert.from_json, bodies)}
        return {alert.id: alert for alert in latest.values()}

    def _told(self) -> dict[str, list[str]]:
        t = tables.outbox
        with self.database.read() as connection:
            rows = connection.execute(select(t).order_by(t.c.at)).all()
        told = defaultdict(list)
        for row in rows:
            told[row.alert].append(row.payload["data"]["alert"]["state"])
        return told

    def _every_silence_ends(self) -> None:
        self.house.now += 100 * 60.0

    def _is_settled(self) -> None:
        """What fires is told unless another alert explains it; what was told and is over, too."""
        t, told = tables.alerts, self._told()
        with self.database.read() as connection:
            every = [Alert.from_json(body) for body in connection.scalars(select(t.c.body))]
        for alert in every:
            said = told.get(alert.id, [])
            if alert.state is State.FIRING:
                assert said == ["firing"] or explained(alert, every)
            if alert.state is State.RESOLVED:
                assert said in ([], ["firing", "resolved"])


Told.TestCase.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
TestTold = Told.TestCase
