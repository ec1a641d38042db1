using System.Text.Json.Nodes;
using Laptime.Foundations;
using Laptime.Gates;
using Laptime.Tests.Workspaces;
using Laptime.Workspaces;

namespace Laptime.Tests.Gates;

/// <summary>gates.yaml: read with the care of laptime.yaml. With LAPTIME_UPDATE_DOCS=1 the page's tables are written from the table of keys.</summary>
public sealed class GateFileTests
{
    private static GateSheet Load(string text) => GateFile.Parse(text, "/somewhere/gates.yaml");

    private static IReadOnlyList<string> Problems(string text) => [.. Assert.Throws<LapException>(() => Load(text)).Problems.Select(p => p.ToString().Replace("/somewhere/", ""))];

    [Fact]
    public void Everything_that_can_be_written_is_read()
    {
        var sheet = Load("""
            version: 1
            records: done
            signed: true
            tools: { go: go version }
            vars: [DATABASE_URL]
            x-own: anything
            items:
              - { id: build, text: It builds., check: make }
              - id: tests
                text: The tests pass.
                check: [./test, --quick]
                timeout: 20m
                inputs: ["src/**", test]
                evidence: out/report.txt
                same: [evidence, output]
                needs: build
                env: { CI: "1" }
            """);
        Assert.Equal(("done", true, "go version"), (sheet.Records, sheet.Signed, sheet.Tools["go"]));
        var tests = sheet.Find("tests")!;
        Assert.False(tests.Shell);
        Assert.Equal(["./test", "--quick"], tests.Check);
        Assert.Equal((TimeSpan.FromMinutes(20), "1"), (tests.Timeout, tests.Env["CI"]));
        Assert.Equal([GateSame.Evidence, GateSame.Output], tests.Same);
        Assert.Equal(["build", "tests"], sheet.Chain(tests).Select(i => i.Id));
        Assert.True(sheet.Find("build") is { Shell: true, Timeout.TotalMinutes: 10 });
    }

    [Fact]
    public void A_check_is_taken_verbatim() => Assert.Equal("test -n \"${HOME}\"", Load("items: [ { id: a, text: b, check: 'test -n \"${HOME}\"' } ]").Items[0].Check[0]);

    [Fact]
    public void Every_mistake_is_told_at_once_with_its_place_and_the_nearest_name()
    {
        var problems = Problems("""
            recrods: x
            items:
              - { id: tests, text: a, chekc: ./test }
              - { id: b, text: b, check: [], timeout: 5 }
              - { id: c, text: c, check: "true", evidence: ../out, same: [outputs] }
              - { id: c, text: c, check: "true" }
            """);
        Assert.Equal(
            [
                "gates.yaml:1:1: unknown key `recrods` in gates.yaml\n  mend: did you mean `records`?",
                "gates.yaml:3:5: an item has no `check`\n  mend: add `check: ./test --quick`",
                "gates.yaml:3:27: unknown key `chekc` in an item\n  mend: did you mean `check`?",
                "gates.yaml:4:30: `check` is an empty list: the first item is the program\n  mend: for example `check: [program, argument]`",
                "gates.yaml:4:43: `timeout: 5` has no unit\n  mend: did you mean `5s`? units: ms, s, m, h, d",
            ], problems.Take(5));
        Assert.Contains(problems, p => p.StartsWith("gates.yaml:5:", StringComparison.Ordinal) && p.Contains("`evidence`", StringComparison.Ordinal));
        Assert.Contains(problems, p => p.Contains("did you mean `output`?", StringComparison.Ordinal));
        Assert.Contains(problems, p => p.Contains("there are two items `c`", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("items: [ { id: a, text: t, check: x, needs: [b] } ]", "there is no item `b`")]
    [InlineData("items: [ { id: a, text: t, check: x, needs: [a] } ]", "`a` needs itself")]
    [InlineData("items: [ { id: a, text: t, check: x, needs: [b] }, { id: b, text: t, check: x, needs: [a] } ]", "which needs")]
    [InlineData("items: []", "`items` is empty")]
    [InlineData("", "the file is empty")]
    [InlineData("version: 2\nitems: [ { id: a, text: t, check: x } ]", "newer lap")]
    [InlineData("records: ..\nitems: [ { id: a, text: t, check: x } ]", "`records`")]
    [InlineData("records: .\nitems: [ { id: a, text: t, check: x } ]", "`records`")]
    [InlineData("items: [ { id: evidence, text: t, check: x } ]", "no item can be called `evidence`")]
    [InlineData("items: [ { id: a/b, text: t, check: x } ]", "not a valid id")]
    [InlineData("items: [ { id: a, text: t, check: x, env: { 1A: x } } ]", "environment variable")]
    public void What_cannot_be_is_refused(string text, string what) => Assert.Contains(what, string.Join('\n', Problems(text)), StringComparison.Ordinal);

    [Fact]
    public void What_is_asked_for_is_the_definition_and_a_bound_is_not()
    {
        GateItem Of(string more) => Load($"items: [ {{ id: a, text: t, check: x{more} }} ]").Items[0];
        var sheet = Load("items: [ { id: a, text: t, check: x } ]");
        var same = sheet.Definition(Of(", timeout: 1h"));
        Assert.Equal(sheet.Definition(sheet.Items[0]), same);
        foreach (var other in (string[])[", inputs: [src]", ", evidence: [out]", ", same: []", ", env: { A: b }"])
        {
            Assert.NotEqual(same, sheet.Definition(Of(other)));
        }
    }

    [Fact]
    public void The_schema_takes_what_the_binder_takes()
    {
        var schema = new SmallJsonSchema(JsonNode.Parse(WorkspaceSchema.Json("gates.yaml", GateKeys.Root, GateKeys.All))!);
        Assert.Null(schema.Refusal(JsonNode.Parse("""{ "items": [ { "id": "a", "text": "t", "check": ["x"], "same": ["output"], "timeout": "5m", "x-own": 1 } ] }""")!));
        Assert.NotNull(schema.Refusal(JsonNode.Parse("""{ "items": [ { "id": "a", "text": "t", "chek": "x" } ] }""")!));
    }

    [Fact]
    public void The_page_has_every_key_as_the_table_has_it() => KeysPage.IsAsTheTable("gates.md", GateKeys.All);

    [Fact]
    public void Every_yaml_block_of_the_page_loads()
    {
        var blocks = KeysPage.Blocks("gates.md");
        Assert.NotEmpty(blocks);
        Assert.All(blocks, b => Load(b));
    }
}
