"""docs/reference/rule-language.md and rule.schema.json: the rule language, from the tables that the loader reads by."""

from __future__ import annotations

import json
from collections.abc import Iterable

from protocol_pages import NOTE

from otwatch.engine.kinds import anomaly_kinds, layer_name
from otwatch.markdown import table
from otwatch.protocols import protocols
from otwatch.rules import language
from otwatch.rules.fields import OPERATORS, TABLES

_LOGIC = """\
A condition is **yes**, **no** or **not observable**. A rule fires on yes alone: what a tap cannot show raises nothing, and is never called clean.

| | yes | no | not observable |
| --- | --- | --- | --- |
| `not:` of it | no | yes | not observable |
| `unless:` of it | no | yes | yes |
| all of it and yes | yes | no | not observable |
| all of it and no | no | no | no |
| any of it and yes | yes | yes | yes |
| any of it and no | yes | no | not observable |

- A field that *there is none of* in a row (the port of an ICMP packet) fits no value: a condition on it is no.
- A field that *cannot be seen* (below: "may be unknown") makes a condition on it not observable: what the site file says without a site file, the
  role of a host while it is not yet known, whether a connection was answered on a tap that does not show answers. `FIELD|known` asks for just that.
- A rule of severity high or above that negates what a tap may not show has a sibling that needs no negation and says so at medium:
  `network.ot-host-sweep` and `network.ot-host-sweep-one-way`.
"""
_OUTCOMES = """\
What became of a connection (`answered`, `carried_data`, `sent_data`) is decided three seconds of packet time after the event, whenever it is asked:

- *yes* as soon as it was seen, however late: a rule that needs data waits for it as long as the connection lasts;
- *no* when it was refused or nothing came, provided that this tap shows answers: to this source, or, where nobody ever answers it, to others. At the
  end of a file a SYN that was repeated is unanswered, and so are those of a source that waits for ten or more targets that never answered it;
- *not observable* otherwise: a connection younger than three seconds at the end of what was seen, a tap that shows one direction.
"""
_WINDOW = """\
A window counts only rows that meet **all** conditions, the late ones included, each as it was known at the row's own packet time. Every row of a full
window belongs to the alert.
"""


def _keys(title: str, keys: dict[str, str]) -> list[str]:
    return [f"### {title}\n", table(("key", "meaning"), *((f"`{key}`", meaning) for key, meaning in keys.items()))]


def _fields(name: str) -> Iterable[tuple[str, ...]]:
    for field in TABLES[name].values():
        words = ", ".join(f"`{word}`" for word in field.words)
        missing = "may be unknown" if field.missing == "unknown" else ""
        yield f"`{field.name}`", field.kind, language.STAGES[field.stage.name], missing, f"{field.doc}{': ' if words else ''}{words}"


def page() -> str:
    known = protocols()
    operators = [
        (f"`{name}`", ", ".join(kind for kind, found in OPERATORS.items() if name in found), words) for name, words in language.OPERATOR_WORDS.items()
    ]
    parts = [
        "# The rule language\n",
        NOTE,
        "A rule file is strict YAML: one rule, or a list of them. [Write a rule](../howto/write-a-rule.md) begins with an example.\n"
        "Editors check rule files with `rule.schema.json` beside this page; in a file: `# yaml-language-server: $schema=PATH/rule.schema.json`.\n",
        "## Keys\n",
        *_keys("Rule", language.RULE_KEYS),
        *_keys("Status", language.STATUSES),
        *_keys("Window", language.WINDOW_KEYS),
        _WINDOW,
        *_keys("Sequence", language.SEQUENCE_KEYS),
        *_keys("Step", language.STEP_KEYS),
        *_keys("Test", language.TEST_KEYS),
        *_keys("Expect", language.EXPECT_KEYS),
        "## Conditions\n",
        "A `where` is a mapping of which all must hold, or a list of mappings of which one must. `FIELD: VALUE` or `FIELD|OPERATOR: VALUE`;\n"
        "of a list of values one must fit. Besides fields there are:\n",
        table(("key", "meaning"), *((f"`{key}`", meaning) for key, meaning in language.CONDITION_KEYS.items())),
        table(("operator", "of fields that are", "meaning"), *operators),
        "## Three values\n",
        _LOGIC,
        "## Connections\n",
        _OUTCOMES,
        "## Names\n",
        "`area`, `function` and `status` may be written by name (`area: holding_register`, `function: write_single_register`).\n",
        table(
            ("protocol", "areas", "functions"),
            *(
                (
                    f"`{spec.name}`",
                    ", ".join(f"`{name}`" for name in dict.fromkeys(spec.areas.values())),
                    ", ".join(f"`{name}`" for name in dict.fromkeys(spec.functions.values())),
                )
                for spec in known
            ),
        ),
        "## Fields\n",
    ]
    for name in TABLES:
        parts += [f"### Fields of {name}\n", table(("field", "kind", "judged", "", "meaning"), *_fields(name))]
    return "\n".join(parts)


def schema() -> str:
    known = protocols()
    kinds = [f"{layer_name(layer, known)}.{kind.name}" for layer, named in anomaly_kinds(known).items() for kind in named.values()]
    made = language.rule_schema(
        protocols=[spec.name for spec in known if not spec.facts_only],
        anomalies=kinds,
        areas={name for spec in known for name in spec.areas.values()},
        functions={name for spec in known for name in spec.functions.values()},
    )
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"
