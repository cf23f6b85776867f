"""Timestamps: what the schema takes, what is repaired, and whose instant nobody knows."""

# One case a line: that is the point of this module.
# ruff: noqa: E501

from __future__ import annotations

from cases import Corpus

#: as written → as normalised, both of the schema
VALID = {
    "2023-09-10T12:34:56Z": "2023-09-10T12:34:56.000Z",
    "2023-09-10T12:34:56.1Z": "2023-09-10T12:34:56.100Z",
    "2023-09-10T12:34:56.12Z": "2023-09-10T12:34:56.120Z",
    "2023-09-10T12:34:56.123Z": "2023-09-10T12:34:56.123Z",
    "2023-09-10T12:34:56.1234Z": "2023-09-10T12:34:56.123Z",
    "2023-09-10T12:34:56.999999Z": "2023-09-10T12:34:56.999Z",
    "2023-09-10T12:34:56.123456789Z": "2023-09-10T12:34:56.123Z",
    "2023-09-10T12:34:56+00:00": "2023-09-10T12:34:56.000Z",
    "2023-09-10T12:34:56-00:00": "2023-09-10T12:34:56.000Z",
    "2023-09-10T14:34:56+02:00": "2023-09-10T12:34:56.000Z",
    "2023-09-10T14:34:56.5+02:00": "2023-09-10T12:34:56.500Z",
    "2023-09-10T07:04:56-05:30": "2023-09-10T12:34:56.000Z",
    "2023-09-10T18:19:56+05:45": "2023-09-10T12:34:56.000Z",
    "2023-09-11T01:34:56+13:00": "2023-09-10T12:34:56.000Z",
    "2023-12-31T23:30:00-01:00": "2024-01-01T00:30:00.000Z",
    "2024-01-01T00:30:00+01:00": "2023-12-31T23:30:00.000Z",
    "2024-02-29T00:00:00Z": "2024-02-29T00:00:00.000Z",
    "2024-03-01T00:30:00+01:00": "2024-02-29T23:30:00.000Z",
    "2023-03-01T00:30:00+01:00": "2023-02-28T23:30:00.000Z",
    "2000-02-29T23:59:59Z": "2000-02-29T23:59:59.000Z",
    "1970-01-01T00:00:00Z": "1970-01-01T00:00:00.000Z",
    "1970-01-01T00:00:00.001Z": "1970-01-01T00:00:00.001Z",
    "1999-12-31T23:59:59.999Z": "1999-12-31T23:59:59.999Z",
    "2023-09-10T00:00:00Z": "2023-09-10T00:00:00.000Z",
    "2023-09-10T23:59:59Z": "2023-09-10T23:59:59.000Z",
    "2023-09-10T12:34:56+18:00": "2023-09-09T18:34:56.000Z",
    "2023-09-10T12:34:56-18:00": "2023-09-11T06:34:56.000Z",
    "2016-12-31T23:59:59.999Z": "2016-12-31T23:59:59.999Z",
}

#: as written → as normalised: the schema refuses the writing, the instant is certain
LOOSE = {
    "2023-09-10 12:34:56Z": "2023-09-10T12:34:56.000Z",
    "2023-09-10t12:34:56Z": "2023-09-10T12:34:56.000Z",
    "2023-09-10T12:34:56z": "2023-09-10T12:34:56.000Z",
    "2023-09-10T12:34:56,123Z": "2023-09-10T12:34:56.123Z",
    "2023-09-10T14:34:56+0200": "2023-09-10T12:34:56.000Z",
    "2023-09-10T14:34:56+02": "2023-09-10T12:34:56.000Z",
    "2023-09-10 14:34:56.123 +0200": "2023-09-10T12:34:56.123Z",
    "2023-09-10 12:34:56 Z": "2023-09-10T12:34:56.000Z",
    "2023-09-10T12:34:56.1234567890Z": "2023-09-10T12:34:56.123Z",
    "1694349296": "2023-09-10T12:34:56.000Z",
    "1694349296123": "2023-09-10T12:34:56.123Z",
    "1694349296123456": "2023-09-10T12:34:56.123Z",
    "1694349296123456789": "2023-09-10T12:34:56.123Z",
}

#: numbers → as normalised
EPOCHS = {
    1694349296: "2023-09-10T12:34:56.000Z",
    1694349296.5: "2023-09-10T12:34:56.500Z",
    1694349296.1239: "2023-09-10T12:34:56.124Z",
    1694349296123: "2023-09-10T12:34:56.123Z",
    1694349296123456: "2023-09-10T12:34:56.123Z",
    1694349296123456789: "2023-09-10T12:34:56.123Z",
    0: "1970-01-01T00:00:00.000Z",
    99999999999: "5138-11-16T09:46:39.000Z",
    100000000000: "1973-03-03T09:46:40.000Z",
}

ZONELESS = (
    "2023-09-10T12:34:56", "2023-09-10 12:34:56", "2023-09-10 12:34:56,123", "2023-09-10T12:34:56.123456", "2023-09-10T12:34:56 CEST",
    "2023-09-10 12:34:56 UTC", "2023-09-10T12:34:56GMT", "2023-09-10T12:34:56ZZ",
)  # fmt: skip

REFUSED = {
    "": "empty", " ": "white space", "yesterday": "a word", "2023-09-10": "a day without time", "12:34:56": "a time without day",
    "2023-09-10T12:34Z": "no seconds", "2023-09-10T12Z": "no minutes", "20230910T123456Z": "the basic format",
    "2023-W36-7T12:34:56Z": "a week date", "2023-253T12:34:56Z": "an ordinal date",
    "2023-13-10T12:34:56Z": "month 13", "2023-00-10T12:34:56Z": "month 0", "2023-09-00T12:34:56Z": "day 0", "2023-09-32T12:34:56Z": "day 32",
    "2023-09-31T12:34:56Z": "September has 30 days", "2023-02-29T12:34:56Z": "2023 is no leap year",
    "2100-02-29T12:34:56Z": "2100 is no leap year", "2024-02-30T12:34:56Z": "February has no 30th", "2023-04-31T00:00:00Z": "April has 30 days",
    "2023-09-10T24:00:00Z": "hour 24", "2023-09-10T25:00:00Z": "hour 25", "2023-09-10T12:60:00Z": "minute 60",
    "2016-12-31T23:59:60Z": "a leap second: Elasticsearch refuses it", "2023-09-10T12:34:61Z": "second 61",
    "2023-09-10T12:34:56+24:00": "an offset of a day", "2023-09-10T12:34:56+18:01": "Elasticsearch refuses more than 18 hours",
    "2023-09-10T12:34:56+02:60": "minute 60 of an offset", "2023-09-10T12:34:56.Z": "a point without fraction",
    "1969-12-31T23:59:59Z": "before 1970", "0001-01-01T00:00:00Z": "the zero time of Go", "10000-01-01T00:00:00Z": "a year of five digits",
    "+2023-09-10T12:34:56Z": "a signed year", "23-09-10T12:34:56Z": "a year of two digits", "10/Sep/2023:12:34:56 +0000": "the format of Apache",
    "Sun, 10 Sep 2023 12:34:56 GMT": "RFC 1123", "Sep 10 12:34:56": "syslog without a year", " 2023-09-10T12:34:56Z": "space in front",
    "2023-09-10T12:34:56Z ": "space behind", "2023-09-10T12:34:56Z\n": "a line feed behind", "２０２３-09-10T12:34:56Z": "full-width digits",
    "2023-09-10T12:34:56−02:00": "a minus sign of typography", "2023-09-10T12:34:56.123456789": None, "-1": "a negative number as text",
    "1e9": "an exponent", "2023-09-10T12:34:56Z+02:00": "two zones of different kind", "null": "the word null",
    "2023-09-10_12:34:56Z": "an underscore",
}  # fmt: skip


def add(corpus: Corpus) -> None:
    for number, (text, utc) in enumerate(VALID.items()):
        corpus.valid(
            f"ts-valid-{number:02d}",
            f"{text} is of the schema",
            {"timestamp": text},
            to={"timestamp": utc},
        )
    for number, (text, utc) in enumerate(LOOSE.items()):
        rule = "timestamp-zone" if "+02" in text else "format"  # an abbreviated offset
        corpus.repaired(f"ts-loose-{number:02d}", f"{text} is a certain instant in a loose writing", {"timestamp": text},
                        {"timestamp": utc}, rule)  # fmt: skip
    for number, (epoch, utc) in enumerate(EPOCHS.items()):
        corpus.repaired(
            f"ts-epoch-{number:02d}",
            f"{epoch} counts from 1970",
            {"timestamp": epoch},
            {"timestamp": utc},
            "type",
        )
    for number, text in enumerate(ZONELESS):
        corpus.refused(
            f"ts-zoneless-{number:02d}",
            f"{text}: nobody knows the instant",
            {"timestamp": text},
            "timestamp-zone",
        )
    for number, (text, why) in enumerate(REFUSED.items()):
        rule = "timestamp-zone" if why is None else "format"
        corpus.refused(
            f"ts-refused-{number:02d}", why or "nine digits, no zone", {"timestamp": text}, rule
        )
    for name, value in (
        ("true", True),
        ("array", ["2023-09-10T12:34:56Z"]),
        ("object", {"seconds": 1694349296}),
        ("negative", -1),
    ):
        corpus.refused(f"ts-{name}", "no timestamp", {"timestamp": value}, "type")
