"""Rule files to rules: strict, every mistake with file, line and column, all at once."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from otwatch.alerts.alert import Severity
from otwatch.alerts.attack import current
from otwatch.documents import Complaints, Mapping, Value, duration_ns, nearest, read_document
from otwatch.errors import ConfigError, ConfigErrors
from otwatch.rules.fields import OPERATORS, TABLES, Field, Stage
from otwatch.rules.rule import AllOf, AnyOf, Condition, Not, Proof, Rule, Sequence, Step, Term, Unless, Window, terms_of

STATUSES: Final = ("draft", "test", "stable", "deprecated")
LOADED: Final = ("test", "stable")
_NAMED: Final = {"area": "area_name", "status": "status_name"}  # numbers that may be written by name, and the field that holds it
_ID = re.compile(r"^[a-z0-9]+(?:[-_][a-z0-9]+)*(?:\.[a-z0-9]+(?:-[a-z0-9]+)*)+$")
_TECHNIQUE = re.compile(r"^T\d{4}(?:\.\d{3})?$")


def load_rules(
    paths: Iterable[Path],
    *,
    shipped: Iterable[Value] = (),
    drafts: bool = False,
    protocols: Iterable[str] = (),
    anomalies: Iterable[str] = (),
    functions: dict[str, list[tuple[str, int]]] | None = None,
    areas: Iterable[str] = (),
    proofs: bool = True,
) -> list[Rule]:
    """The rules of documents that were read before (`shipped`), and of files and folders (searched for *.yaml), by id. A file holds one rule or a
    list of them.

    `protocols`, `anomalies` and `areas`, when given, are the names that exist: others are mistakes. `functions`: protocol and code of the names of
    functions. `proofs`: False where `shipped` was read without its tests. Raises ConfigErrors with every mistake of every file.
    """
    complaints = Complaints()
    found: dict[str, Rule] = {}
    documents = list(shipped)
    shipped_count = len(documents)
    for path in paths:
        documents += documents_of(path, complaints)
    values = [value for document in documents for value in (document.raw if isinstance(document.raw, list) else [document])]
    by_id = {str(value.raw["id"].raw): value for value in values if isinstance(value.raw, dict) and "id" in value.raw}
    shipped_paths = frozenset(document.path for document in documents[:shipped_count])
    unproved = frozenset() if proofs else shipped_paths
    checker = _Checker(complaints, tuple(protocols), tuple(anomalies), functions or {}, tuple(areas), by_id, unproved)
    for value in values:
        rule = checker.rule(value)
        if rule is None:
            continue
        if rule.id in found:
            other = found[rule.id]
            complaints.add(value, f'the id "{rule.id}" stands in {other.path}:{other.line} already')
        found[rule.id] = rule if rule.path in shipped_paths else replace(rule, is_own=True)
    complaints.raise_if_any()
    return [rule for _, rule in sorted(found.items()) if drafts or rule.status in LOADED]


def documents_of(path: Path, complaints: Complaints, *, proofs: bool = True) -> list[Value]:
    """The documents of a file, or of every *.yaml in a folder; without the rules' tests where `proofs` is False."""
    files = sorted(path.rglob("*.yaml")) if path.is_dir() else [path]
    if path.is_dir() and not files:
        complaints.errors.append(ConfigError("no rule (*.yaml) in this folder", path=str(path)))
    documents = []
    for file in files:
        try:
            documents.append(read_document(file, up_to="" if proofs else "tests"))
        except ConfigErrors as errors:
            complaints.errors.extend(errors.errors)
    return documents


class _Checker:
    """Reads one rule after the other; what is wrong goes to `complaints`."""

    def __init__(
        self,
        complaints: Complaints,
        protocols: tuple[str, ...],
        anomalies: tuple[str, ...],
        functions: dict[str, list[tuple[str, int]]],
        areas: tuple[str, ...],
        rules: dict[str, Value],
        unproved: frozenset[str],
    ) -> None:
        self.complaints = complaints
        self.protocols = protocols
        self.anomalies = anomalies
        self.functions = functions
        self.areas = areas
        self.rules = rules
        self.unproved = unproved  # files that were read without their tests
        self._matching: list[str] = []  # rules whose conditions are being read in the place of a `match`

    def rule(self, value: Value) -> Rule | None:
        before = len(self.complaints.errors)
        reader = Mapping(value, self.complaints, "a rule")
        identifier = reader.text("id")
        if identifier and not _ID.match(identifier):
            self.complaints.add(reader.raw["id"], f'"{identifier}" is no rule id: write topic.what-happened in lower case')
        title = reader.text("title")
        status = reader.word("status", STATUSES)
        severity = reader.word("severity", [step.label for step in Severity])
        attack = reader.texts("attack")
        for technique in attack:
            if not _TECHNIQUE.match(technique):
                self.complaints.add(reader.raw["attack"], f'"{technique}" is no ATT&CK technique id (T0836, T1692.001)')
        table = reader.word("table", TABLES, "operations")
        sequence_value = reader.get("sequence")
        sequence = self._sequence(sequence_value) if sequence_value is not None else None
        where: Condition = AllOf(())
        where_value = reader.get("where")
        if where_value is not None and table in TABLES:
            where = self.condition(where_value, table)
        elif sequence is None:
            self.complaints.add(value, 'a rule needs "where" or "sequence"')
        if sequence is not None and where_value is not None:
            self.complaints.add(where_value, 'a sequence has its conditions in its steps: no "where" beside it')
        window_value = reader.get("window")
        window = self._window(window_value, table) if window_value is not None else None
        group = reader.texts("group") or ("src", "dst")
        if not set(group) <= {"src", "dst"}:
            self.complaints.add(reader.raw["group"], '"group" is a list of src and dst')
        why = reader.text("why")
        false_positives = reader.texts("false_positives")
        references = reader.texts("references")
        catalogue = reader.texts("catalogue")
        tests = tuple(self._test(item) for item in reader.items("tests"))
        if status in LOADED and value.path not in self.unproved:
            if not any(test.alerts for test in tests):
                self.complaints.add(value, f"a rule of status {status} needs a test that fires")
            if all(test.alerts for test in tests):
                self.complaints.add(value, f"a rule of status {status} needs a test that stays silent")
        reader.done()
        if len(self.complaints.errors) > before:
            return None
        return Rule(
            id=identifier,
            title=title,
            status=status,
            severity=Severity[severity.upper()],
            attack=tuple(dict.fromkeys(map(current, attack))),  # files may name the ids of version 18
            table=table,
            where=where,
            window=window,
            sequence=sequence,
            group=group,
            why=" ".join(why.split()),
            false_positives=false_positives,
            references=references,
            catalogue=catalogue,
            tests=tests,
            path=value.path,
            line=value.line,
        )

    def _test(self, value: Value) -> Proof:
        reader = Mapping(value, self.complaints, "a test")
        rows, learn = reader.get("rows"), reader.get("learn")
        plain, learned = self._rows(rows), self._rows(learn)
        capture, site, intel = (reader.text(key, "") for key in ("capture", "site", "intel"))
        if (rows is None) == (not capture):
            self.complaints.add(value, 'a test has either "rows" or a "capture"')
        alerts, count, frames = 0, -1, tuple[int, ...]()
        expect = reader.get("expect")
        if expect is None:
            self.complaints.add(value, 'a test needs "expect"')
        else:
            expected = Mapping(expect, self.complaints, '"expect"')
            alerts = expected.number("alerts")
            count = expected.number("count", -1)
            frames = tuple(int(text) for text in expected.texts("frames") if text.isdigit())
            expected.done()
        reader.done()
        place = f"{value.path}:{value.line}"
        return Proof(
            rows=plain, capture=capture, site=site, learn=learned, intel=intel, alerts=alerts, count=count, frames=frames, place=place
        )

    def _rows(self, value: Value | None) -> tuple[dict[str, Any], ...]:
        if value is None:
            return ()
        if isinstance(value.raw, list) and all(isinstance(item.raw, dict) for item in value.raw):
            return tuple(item.plain() for item in value.raw)
        self.complaints.add(value, "rows are a list of mappings")
        return ()

    def _duration(self, reader: Mapping, key: str) -> int:
        text = reader.text(key)
        try:
            return duration_ns(text) if text else 0
        except ValueError as error:
            self.complaints.add(reader.raw[key], str(error))
            return 0

    def _window(self, value: Value, table: str) -> Window:
        reader = Mapping(value, self.complaints, '"window"')
        known = {name: field for name, field in TABLES.get(table, {}).items() if field.stage < Stage.ROW}
        by = reader.texts("by")
        for name in by:
            if name not in known:
                self.complaints.add(reader.raw["by"], f'{table} has no "{name}" to count by{nearest(name, known)}')
        for_ns = self._duration(reader, "for")
        at_least = reader.number("at_least", low=1, high=100_000)
        distinct = reader.text("distinct", "")
        known.update((name, field) for name, field in TABLES.get(table, {}).items() if field.stage is Stage.ROW)
        if distinct and distinct not in known:
            self.complaints.add(reader.raw["distinct"], f'{table} has no "{distinct}" to tell apart{nearest(distinct, known)}')
        times = reader.number("times_habit", 0, low=1, high=1_000)
        if times and (distinct or table == "behaviours"):
            self.complaints.add(reader.raw["times_habit"], '"times_habit" compares numbers of rows: not with "distinct", and not on behaviours')
        reader.done()
        return Window(by=by or ("src", "dst"), for_ns=for_ns, at_least=at_least, distinct=distinct or None, times_habit=times or None)

    def _sequence(self, value: Value) -> Sequence:
        reader = Mapping(value, self.complaints, '"sequence"')
        within = self._duration(reader, "within")
        steps = []
        for item in reader.items("steps"):
            step = Mapping(item, self.complaints, "a step")
            table = step.word("table", TABLES, "operations")
            key = step.text("key")
            if key and key not in TABLES.get(table, {}):
                self.complaints.add(step.raw["key"], f'{table} has no "{key}"{nearest(key, TABLES.get(table, {}))}')
            where_value = step.get("where")
            where: Condition = AllOf(())
            if where_value is None:
                self.complaints.add(item, 'a step needs "where"')
            elif table in TABLES:
                where = self.condition(where_value, table)
            step.done()
            steps.append(Step(table=table, where=where, key=key))
        if len(steps) < 2:
            self.complaints.add(value, "a sequence has at least two steps")
        for step_read, item in zip(steps[:-1], reader.items("steps"), strict=False):
            late = sorted(
                {
                    term.name
                    for term in terms_of(step_read.where)
                    if step_read.table in TABLES and TABLES[step_read.table][term.name].stage is Stage.ROW
                }
            )
            if late:
                self.complaints.add(item, f'"{late[0]}" can only be used in the last step')
        reader.done()
        return Sequence(within_ns=within, steps=tuple(steps))

    def condition(self, value: Value, table: str) -> Condition:
        """A `where`: a mapping is all of its parts, a list any of its mappings."""
        if isinstance(value.raw, list):
            return AnyOf(tuple(self.condition(item, table) for item in value.raw))
        if not isinstance(value.raw, dict) or not value.raw:
            self.complaints.add(value, "a condition is a mapping of fields, or a list of such mappings of which one must fit")
            return AllOf(())
        parts: list[Condition] = []
        for key, item in value.raw.items():
            if key == "any":
                parts.append(self.condition(item, table))
            elif key == "all":
                items = item.raw if isinstance(item.raw, list) else [item]
                parts.append(AllOf(tuple(self.condition(part, table) for part in items)))
            elif key == "not":
                parts.append(Not(self.condition(item, table)))
            elif key == "match":
                parts.append(self._match(item, table))
            elif key == "unless":
                exception = self.condition(item, table)
                late = sorted({term.name for term in terms_of(exception) if TABLES[table][term.name].stage >= Stage.OUTCOME})
                if late:
                    self.complaints.add(item, f'"{late[0]}" is known late: an exception (unless:) is what a site file or a baseline says')
                parts.append(Unless(exception))
            else:
                term = self._term(key, item, table)
                if term is not None:
                    parts.append(term)
        condition: Condition = parts[0] if len(parts) == 1 else AllOf(tuple(parts))
        self._stages(condition, value, table)
        return condition

    def _match(self, value: Value, table: str) -> Condition:
        """The conditions of another rule, or of one of several."""
        parts = []
        for item in value.raw if isinstance(value.raw, list) else [value]:
            other = self.rules.get(str(item.raw))
            fields = other.raw if other is not None and isinstance(other.raw, dict) else {}
            if not fields:
                self.complaints.add(item, f'"{item.raw}" is no rule{nearest(item.raw, self.rules)}')
            elif str(item.raw) in self._matching:
                self.complaints.add(item, f'{" matches ".join((*self._matching, str(item.raw)))}: a circle')
            elif "window" in fields or "sequence" in fields or "where" not in fields:
                self.complaints.add(item, f"{item.raw} counts or follows rows: only a rule without window and sequence can be matched")
            elif (other_table := str(fields["table"].raw) if "table" in fields else "operations") != table:
                self.complaints.add(item, f"{item.raw} is a rule on {other_table}, this is one on {table}")
            else:
                self._matching.append(str(item.raw))
                parts.append(self.condition(fields["where"], table))
                self._matching.pop()
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _stages(self, condition: Condition, value: Value, table: str) -> None:
        """ROW and LATE fields are judged at different times: one branch of an `any` or `not` cannot mix them."""
        for part in condition.parts if isinstance(condition, AllOf) else (condition,):
            stages = {TABLES[table][term.name].stage for term in terms_of(part)}
            if Stage.ROW in stages and (Stage.LATE in stages or Stage.OUTCOME in stages):
                self.complaints.add(value, "a condition on a value cannot be mixed with one on zones, roles or learning inside any: or not:")

    def _named(self, field: Field, operator: str, items: list[Value]) -> Condition | None:
        """A condition on a number, some of whose operands are names; None when none is."""
        texts = [item for item in items if isinstance(item.raw, str)]
        if not texts or field.kind != "number" or operator not in ("in", "not") or field.name not in (*_NAMED, "function"):
            return None
        numbers = tuple(item.raw for item in items if isinstance(item.raw, int) and not isinstance(item.raw, bool))
        parts: list[Condition] = [Term(field.name, "in", numbers)] if numbers else []
        if field.name == "function":
            for text in texts:
                meant: dict[str, list[int]] = {}
                for protocol, code in self.functions.get(text.raw, ()):
                    meant.setdefault(protocol, []).append(code)
                if not meant:
                    self.complaints.add(text, f'"{text.raw}" is no function{nearest(text.raw, self.functions)}')
                parts += [AllOf((Term("protocol", "in", (protocol,)), Term("function", "in", tuple(codes)))) for protocol, codes in meant.items()]
        else:
            for text in texts:
                if field.name == "area" and self.areas and text.raw not in self.areas:
                    self.complaints.add(text, f'"{text.raw}" is no area{nearest(text.raw, self.areas)}')
            parts.append(Term(_NAMED[field.name], "in", tuple(text.raw for text in texts)))
        found: Condition = parts[0] if len(parts) == 1 else AnyOf(tuple(parts))
        if operator == "in":
            return found
        return AllOf((Term(field.name, "known", (True,)), Not(found)))  # as `not` of a number: there is one, and it is another

    def _term(self, key: str, value: Value, table: str) -> Condition | None:
        name, _, operator = key.partition("|")
        name, operator = name.strip(), operator.strip() or "in"
        fields = TABLES[table]
        field = fields.get(name)
        if field is None:
            self.complaints.add(value, f'{table} has no field "{name}"{nearest(name, fields)}')
            return None
        if operator not in OPERATORS[field.kind]:
            self.complaints.add(
                value,
                f'"{name}" is a {field.kind}: no "|{operator}"{nearest(operator, OPERATORS[field.kind])}'
                f" (there is {', '.join(OPERATORS[field.kind])})",
            )
            return None
        items = value.raw if isinstance(value.raw, list) else [value]
        if not items:
            self.complaints.add(value, f'"{name}" is compared with nothing')
        named = self._named(field, operator, items)
        if named is not None:
            return named
        values = tuple(self._operand(field, operator, item) for item in items)
        return Term(name, operator, values)

    def _operand(self, field: Field, operator: str, value: Value) -> Any:
        raw = value.raw
        number = isinstance(raw, int | float) and not isinstance(raw, bool)
        if operator == "known":
            if not isinstance(raw, bool):
                self.complaints.add(value, f'"{field.name}|known" is true or false')
        elif field.kind == "truth" and not isinstance(raw, bool):
            self.complaints.add(value, f'"{field.name}" is true or false')
        elif field.kind == "number" and not number:
            self.complaints.add(value, f'"{field.name}" is a number')
        elif operator in ("ge", "gt", "le", "lt") and not number:
            self.complaints.add(value, f'"|{operator}" compares with a number')
        elif field.kind == "address":
            try:
                if operator == "cidr":
                    return ipaddress.ip_network(str(raw))
                return str(ipaddress.ip_address(str(raw)))
            except ValueError as error:
                self.complaints.add(value, str(error))
        elif field.kind == "text":
            if isinstance(raw, bool | float | list | dict) or raw is None:
                self.complaints.add(value, f'"{field.name}" is a text')
                return ""
            words = self._words(field)
            if words and operator in ("in", "not") and str(raw) not in words:
                self.complaints.add(value, f'"{raw}" is no {field.name}{nearest(raw, words) or ": one of " + ", ".join(words[:12])}')
            return str(raw)
        elif isinstance(raw, list | dict):
            self.complaints.add(value, f'"{field.name}" is compared with a plain value')
        return raw

    def _words(self, field: Field) -> tuple[str, ...]:
        if field.name == "protocol":
            return self.protocols
        if field.name == "anomaly":
            return self.anomalies
        return field.words
