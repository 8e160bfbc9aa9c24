"""What decides whether anything is a signal and anybody is alerted: each number with its reason.

The numbers of a method are in its module (`detector`, `baseline`, `sequential`, `ears`, `farrington`), those of the
kinds of a signal and of its severity beside their rule (`signals.rumour`, `signals.severity`).
"""

from collections.abc import Mapping
from datetime import timedelta

# How sure.

#: False alerts that an operator accepts, per series and week, by domain. A series is a topic on a platform in a
#: territory: five hundred at 0.002 make one false alert a week. What stands out in a place and around it on one day is
#: one alert. Scores follow from it and from quiet history; where there is too little, from the law alone.
BUDGETS: Mapping[str, float] = {
    "listening": 0.002,
    "chat": 0.01,
    "victims": 0.01,
    "feedback": 0.01,
    "services": 0.01,
}
#: False signals to watch that are accepted for each false alert: they disturb nobody, and cost a glance at the screen.
WATCHED = 10.0
#: Powers of ten below which no budget alerts.
LEAST_SCORE = 2.0
#: Powers of ten that baseline days may add to a score. An event that is longer than half of these days is taken for
#: baseline: without a bound it adds ten, and nothing alerts.
MOST_EXCESS = 1.0
#: Mentions, contacts or victims that alert at least: two are often a message and its share, however rare both are.
FEWEST = 3
#: False among what a run finds: one alert in twenty.
FALSE_DISCOVERY_RATE = 0.05

# Silences and new subjects, which have no budget.

#: Probability below which a silence is no chance.
SILENCE_P = 1e-6
#: What must be expected at least: less may be missing by chance.
SILENCE_EXPECTED = 20.0
#: The share of the expected that is still a silence.
SILENCE_SHARE = 0.1
#: Hours without a mention of anything that are no chance.
SILENCE_HOURS = 6
#: The same of one topic, which counts less than all together: 20 are expected in two days.
TOPIC_SILENCE_HOURS = 48
#: A new subject: standard errors of its newest term, texts that have it, and their authors.
NEW_SUBJECT, NEW_SUBJECT_TEXTS, NEW_SUBJECT_AUTHORS = 5.0, 8, 5

# How long.

#: A bin of five minutes is closed for good when it is so old, since the listening tool finds mentions that late. Later
#: ones count in the hours alone.
CLOSED_AFTER = timedelta(minutes=30)
#: Anomalies that are no further apart are one signal, which ends after as long without any: a night lies between two
#: days of one event.
TOGETHER = timedelta(hours=24)
#: Without an anomaly, after which what was only watched is gone: a wave that goes on is seen again within an hour.
WATCHED_FOR = timedelta(hours=6)
#: After its end, within which a signal comes again only if it is clearly stronger: by so many powers of ten of the
#: probability, and so many times the ratio of observed to expected.
ENDED_FOR, CLEARLY_RARER, CLEARLY_GREATER = timedelta(hours=72), 2.0, 1.5

# What moves a budget.

#: Confirmed and dismissed signals that a topic without any verdict is worth: one verdict moves little, three are a
#: habit that halves its budget.
VERDICT_PRIOR = 3.0
#: No verdict silences a topic, nor makes it alert for anything: the score moves by 0.6 powers of ten at most, which a
#: real crisis exceeds within minutes.
VERDICT_LEAST, VERDICT_MOST = 0.25, 2.0
#: How long a verdict counts.
VERDICT_COUNTS_FOR = timedelta(days=180)
#: Alerts dismissed one after the other, after which the query of their topic is doubtful.
DISMISSED_IN_A_ROW = 3
#: By how much a vigilance orange and rouge multiplies the budget, by rank: by half a power of ten and one, so that
#: those mentions alert that are only watched on another day.
VIGILANCE: Mapping[int, float] = {3: 3.0, 4: 10.0}
