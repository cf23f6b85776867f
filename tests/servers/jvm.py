"""What runs on Java: Elasticsearch in three versions, and the Ruby of Logstash."""

from __future__ import annotations

import os
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.servers.obtaining import (
    Part,
    apt,
    cache,
    checked,
    kept,
    on_path,
    place,
    run,
    scratch,
)

HERE = Path(__file__).resolve().parent
#: Version, SHA-256 and size in MB. The newest comes with `--newest`.
ELASTICSEARCH = {
    "8.7.1": ("b04ed46176cd43d6f717aa69c9864bd8af4ac9c35bc3294b0cbeacdb42c5168f", 78),
    "8.19.21": ("215d5f3dbf0609a149f6218a9e47b6ae2df34ebbff3c5754e35f15a5e5393c8a", 107),
}
ELASTICSEARCH_NEWEST = {
    "9.4.3": ("adde840e7013d25cf04203377abf77ad66573bc5db381e5b865c18ef5d683bc5", 124)
}
# Java's compiler as one archive: Debian's runtime has none.
ECJ = ("3.37.0", "cde026ff966b48b5e5f148b6f041ceff3cf4f85cf75155f4ec0f40e4ee14b545")
JRUBY = ("9.4.9.0", "c069cd9240c2a341e9df4aae55c54ac81577eb161d0afd6d026d6b3fafc7fefd")


def java(at_least: int = 17) -> Callable[[], Path | None]:
    """A finder of a Java that is not older: JAVA_HOME's, else the one on the PATH."""

    def find() -> Path | None:
        if os.environ.get("JAVA_HOME"):
            found: Path | None = Path(os.environ["JAVA_HOME"], "bin", "java")
        else:
            found = on_path("java")()
        if found is None or not os.access(found, os.X_OK):
            return None
        return found if _version(found) >= at_least else None

    return find


def _version(program: Path) -> int:
    match = re.search(r'version "(\d+)', run([str(program), "-version"]))
    return int(match[1]) if match else 0


def newer_java() -> Path | None:
    """A Java for Elasticsearch 9, also where it is not the one on the PATH: Debian keeps each in a folder."""
    found = sorted(Path("/usr/lib/jvm").glob("*/bin/java"))
    return java(21)() or next((path for path in found if _version(path) >= 21), None)


def by_maven(artifact: str, folder: Path) -> Path:
    """One file of Maven's, without the version in its name."""
    run(["mvn", "-B", "-q", "dependency:copy", "-Dmdep.stripVersion=true", f"-Dartifact={artifact}",
         f"-DoutputDirectory={folder}"])  # fmt: skip
    (file,) = folder.iterdir()
    return file


def elasticsearch(version: str, digest: str) -> Callable[[], None]:
    """An obtainer of one version of the server by Maven: verified, unpacked, renamed into place."""

    def obtain() -> None:
        artifact = f"org.elasticsearch.distribution.integ-test-zip:elasticsearch:{version}:zip"
        with scratch() as folder:
            archive = checked(
                by_maven(artifact, folder / "zip"), digest, f"elasticsearch {version}"
            )
            with zipfile.ZipFile(archive) as zipped:
                zipped.extractall(folder)
            unpacked = folder / f"elasticsearch-{version}"
            for program in (unpacked / "bin").iterdir():
                program.chmod(0o755)
            unpacked.chmod(0o755)
            place(unpacked, cache() / unpacked.name)

    return obtain


def with_keys(version: str) -> Callable[[], None]:
    """An obtainer of the same server with what its index of API keys needs (apikeys/ApiKeys.java)."""

    def obtain() -> None:
        plain = cache() / f"elasticsearch-{version}"
        with scratch() as folder:
            (folder / "ecj").mkdir()
            compiler = checked(
                by_maven(f"org.eclipse.jdt:ecj:{ECJ[0]}", folder / "ecj"), ECJ[1], "ecj"
            )
            libraries = os.pathsep.join(str(path) for path in plain.glob("lib/*.jar"))
            run(["java", "-jar", str(compiler), "-17", "-proc:none", "-d", str(folder / "classes"),
                 "-cp", libraries, str(HERE / "apikeys" / "ApiKeys.java")])  # fmt: skip
            # Hard links: the whole server again, and no room taken.
            whole = folder / f"{plain.name}-keys"
            shutil.copytree(plain, whole, copy_function=os.link)
            plugin = whole / "plugins" / "obskit-api-keys"
            plugin.mkdir(parents=True)
            with zipfile.ZipFile(plugin / "api-keys.jar", "w") as jar:
                for path in sorted((folder / "classes").rglob("*.class")):
                    jar.write(path, path.relative_to(folder / "classes"))
            (plugin / "plugin-descriptor.properties").write_text(
                f"name=obskit-api-keys\nversion={version}\nelasticsearch.version={version}\njava.version=17\n"
                "classname=obskit.tests.ApiKeys\ndescription=The analysis that the index of API keys needs\n"
            )
            place(whole, cache() / whole.name)

    return obtain


def jruby(version: str, digest: str) -> Callable[[], None]:
    """An obtainer of the Ruby that Logstash is made of, as one archive for Java: verified, renamed into place."""

    def obtain() -> None:
        with scratch() as folder:
            archive = by_maven(f"org.jruby:jruby-complete:{version}", folder / "jruby")
            checked(archive, digest, f"jruby {version}").rename(archive.with_name("jruby.jar"))
            (folder / "jruby").chmod(0o755)
            place(folder / "jruby", cache() / f"jruby-{version}")

    return obtain


def _servers(versions: dict[str, tuple[str, int]]) -> list[Part]:
    return [
        Part(
            f"elasticsearch {version}",
            f"20 s, {size} MB (Maven)",
            kept(f"elasticsearch-{version}", "bin", "elasticsearch"),
            elasticsearch(version, digest),
        )
        for version, (digest, size) in versions.items()
    ]


def parts() -> list[Part]:
    """What the demo and the tests need."""
    return [
        Part("java", "60 s, 45 MB (Debian)", java(), apt("openjdk-17-jre-headless")),
        Part("maven", "60 s, 15 MB (Debian)", on_path("mvn"), apt("maven")),
        *_servers(ELASTICSEARCH),
        Part(
            f"jruby {JRUBY[0]}",
            "10 s, 33 MB (Maven)",
            kept(f"jruby-{JRUBY[0]}", "jruby.jar"),
            jruby(*JRUBY),
        ),
    ]


def newest() -> list[Part]:
    """What only tests need: the newest Elasticsearch with its Java, and all of them with API keys."""
    return [
        # Debian 12 has none, and what PyPI carries lacks modules: without one, server 9 stays untried.
        Part(
            "java 21 or newer",
            "60 s, 50 MB (Debian 13)",
            newer_java,
            apt("openjdk-21-jre-headless"),
            optional=True,
        ),
        *_servers(ELASTICSEARCH_NEWEST),
        *(
            Part(
                f"API keys for {version}",
                "5 s, 3 MB (Maven), compiled here",
                kept(f"elasticsearch-{version}-keys", "bin", "elasticsearch"),
                with_keys(version),
            )
            for version in (*ELASTICSEARCH, *ELASTICSEARCH_NEWEST)
        ),
    ]
