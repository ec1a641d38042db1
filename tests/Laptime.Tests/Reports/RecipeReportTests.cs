using System.Text.Json;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using FsCheck;
using FsCheck.Fluent;
using Laptime.Cli.Rendering;
using Laptime.Recipes;
using Laptime.Reports;
using Laptime.Tests.Recipes;
using Laptime.Tests.Workspaces;

namespace Laptime.Tests.Reports;

/// <summary>One run, told in every way.</summary>
public sealed class RecipeReportTests
{
    public static TheoryData<string> Names => ["green", "failed", "over", "weak", "broken", "hostile"];

    public static TheoryData<string, int> Screens
    {
        get
        {
            var data = new TheoryData<string, int>();
            foreach (var name in Names)
            {
                foreach (var width in new[] { 40, 80, 120 })
                {
                    data.Add(name.Data, width);
                }
            }

            return data;
        }
    }

    private static Terminal At(int width) => new(ProgressMode.Quiet, false, false, false, true, width, 24);

    [Theory, MemberData(nameof(Screens))]
    public void No_line_is_wider_than_the_terminal_and_none_carries_control_characters(string name, int width)
    {
        foreach (var line in RecipeView.Render(RecipeRuns.Named(name), At(width)).Split('\n'))
        {
            Assert.True(TextWidth.Of(line) <= width, line);
            Assert.DoesNotContain(line, char.IsControl);
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void The_screen_is_as_it_was_read_and_found_good(string name) => Golden.Equal($"recipe-{name}-80.txt", RecipeView.Render(RecipeRuns.Named(name), At(80)));

    [Theory, MemberData(nameof(Names))]
    public void The_page_is_as_it_was_read_and_found_good(string name) => Golden.Equal($"recipe-{name}.md", RecipeMarkdown.Render(RecipeRuns.Named(name)));

    [Fact]
    public void A_green_run_fits_one_screen_and_says_what_scripts_look_for()
    {
        var screen = RecipeView.Render(RecipeRuns.Green(), At(80));
        Assert.True(screen.Split('\n').Length <= 24, screen);
        foreach (var line in (string[])["  health-wait 30.0 s of 36.9 s (install)", "  deploy-count = 2 (expect 2)", "  deps deployed: [kv]", "  deps warm: []", "  teardown: clean", "  fresh install of head: not verified"])
        {
            Assert.Contains(line, screen.Split('\n'));
        }
    }

    [Fact]
    public void Colours_change_nothing_but_colours_and_without_unicode_everything_is_ascii()
    {
        var plain = RecipeView.Render(RecipeRuns.Failed(), At(80));
        Assert.Equal(plain, string.Join('\n', RecipeView.Render(RecipeRuns.Failed(), At(80) with { Color = true }).Split('\n').Select(Laptime.Processes.TerminalText.Strip)));
        Assert.All(RecipeView.Render(RecipeRuns.Failed(), At(80) with { Unicode = false }), c => Assert.True(c < 128, $"U+{(int)c:x4}"));
    }

    private static string Json(RecipeRunDocument run) => JsonSerializer.Serialize(run, RecipeRunJson.Readable.RecipeRunDocument);

    [Theory, MemberData(nameof(Names))]
    public void The_document_is_as_the_schema_says_and_comes_back_as_it_was(string name)
    {
        var text = Json(RecipeRuns.Named(name));
        var schema = new SmallJsonSchema(JsonNode.Parse(File.ReadAllText(Checkout.At("docs", "schema", "recipe-run.v1.json")))!);
        Assert.Null(schema.Refusal(JsonNode.Parse(text)));
        Assert.Equal(text, Json(JsonSerializer.Deserialize(text, RecipeRunJson.Readable.RecipeRunDocument)!));
        Assert.Equal(text, RecipeView.Render(RecipeRuns.Named(name), At(80) with { Json = true }).TrimEnd());
    }

    [Fact]
    public void What_the_schema_does_not_know_it_refuses()
    {
        var schema = new SmallJsonSchema(JsonNode.Parse(File.ReadAllText(Checkout.At("docs", "schema", "recipe-run.v1.json")))!);
        var document = JsonNode.Parse(Json(RecipeRuns.Green()))!.AsObject();
        document["budget"] = 3;
        Assert.NotNull(schema.Refusal(document));
        document.Remove("budget");
        document.Remove("deployCount");
        Assert.NotNull(schema.Refusal(document));
    }

    [Theory]
    [InlineData("green", 0, 0, 1)]
    [InlineData("failed", 2, 0, 2)]
    [InlineData("over", 2, 0, 1)]
    [InlineData("weak", 1, 0, 2)]
    [InlineData("broken", 7, 1, 1)]
    [InlineData("hostile", 7, 0, 0)]
    public void JUnit_counts_what_it_lists(string name, int failures, int errors, int skipped)
    {
        var suites = XDocument.Parse(JUnitReport.Render(RecipeRuns.Named(name))).Root!;
        var suite = Assert.Single(suites.Elements("testsuite"));
        var cases = suite.Elements("testcase").ToList();
        foreach (var counted in new[] { suites, suite })
        {
            Assert.Equal(
                (cases.Count, cases.Count(c => c.Element("failure") is not null), cases.Count(c => c.Element("error") is not null), cases.Count(c => c.Element("skipped") is not null)),
                ((int)counted.Attribute("tests")!, (int)counted.Attribute("failures")!, (int)counted.Attribute("errors")!, (int)counted.Attribute("skipped")!));
        }

        Assert.Equal((failures, errors, skipped), ((int)suite.Attribute("failures")!, (int)suite.Attribute("errors")!, (int)suite.Attribute("skipped")!));
        Assert.Equal(cases.Count, cases.Select(c => (string)c.Attribute("name")!).Distinct().Count());
        Assert.All(cases, c => Assert.True((string?)c.Attribute("classname") is { Length: > 7 } && (double)c.Attribute("time")! >= 0));
        // A run that did not end with 0 never looks green.
        Assert.Equal(RecipeRuns.Named(name).ExitCode != 0, failures + errors > 0);
    }

    [Fact]
    public void In_JUnit_unverified_is_a_failure_of_that_type()
    {
        var backup = XDocument.Parse(JUnitReport.Render(RecipeRuns.Failed())).Descendants("testcase").Single(c => (string)c.Attribute("name")! == "backup").Element("failure")!;
        Assert.Equal("unverified", (string)backup.Attribute("type")!);
        Assert.Contains("holds only backup.sql", (string)backup.Attribute("message")!, StringComparison.Ordinal);
    }

    [Fact]
    public void Whatever_was_printed_JUnit_is_XML() => Check.One(Config.QuickThrowOnFailure.WithMaxTest(500), Prop.ForAll(
        ArbMap.Default.ArbFor<string>(), text =>
        {
            var run = RecipeRuns.Failed();
            var page = JUnitReport.Render(run with { Recipe = "x" + text, Tiers = [run.Tiers[3] with { Reason = text, Tail = [text ?? ""] }], Warnings = [text ?? ""] });
            Assert.NotNull(XDocument.Parse(page).Root);
        }));

    [Fact]
    public void The_budget_record_is_made_of_runs_alone_and_always_the_same()
    {
        var old = RecipeRuns.Failed() with { Id = "rt-old", Started = RecipeRuns.Green().Started.AddDays(1) };
        var page = BudgetRecord.Render([RecipeRuns.Over() with { Recipe = "sneaky" }, old, RecipeRuns.Green(), RecipeRuns.Weak() with { Recipe = "kv", Target = "process", ExitCode = 0 }]);
        Golden.Equal("budget-record.md", page);
        Assert.Equal(page, BudgetRecord.Render([RecipeRuns.Weak() with { Recipe = "kv", Target = "process", ExitCode = 0 }, RecipeRuns.Green(), old, RecipeRuns.Over() with { Recipe = "sneaky" }]));
        Assert.DoesNotContain("rt-old", page, StringComparison.Ordinal);
        Assert.Contains("No run was recorded yet", BudgetRecord.Render([]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, new string[0], "1 base = 1")]
    [InlineData(2, new[] { "kv" }, "1 base + 1 cold (kv) = 2")]
    [InlineData(4, new[] { "kv", "mail" }, "1 base + 2 cold (kv, mail) + 1 fresh = 4")]
    public void The_formula_says_where_the_expectation_comes_from(int expected, string[] cold, string formula) =>
        Assert.Equal(formula, RecipeSentences.Formula(RecipeRuns.Green() with { Expected = expected, Deps = new DependenciesReport(cold, []) }));
}
