using System.Text.Json;
using Laptime.Reports;
using Laptime.Transactions;

namespace Laptime.Tests.Reports;

public sealed class MarkdownReportTests
{
    public static TheoryData<string> Names => ["reflected", "unchanged", "night", "not-ready", "killed", "hostile"];

    [Theory]
    [MemberData(nameof(Names))]
    public void The_page_is_as_it_was_read_and_found_good(string name) => Golden.Equal($"report-{name}.md", MarkdownReport.Render(Document(name)));

    [Fact]
    public void A_killed_transaction_says_interrupted_and_has_no_end()
    {
        var page = MarkdownReport.Render(Documents.Killed());
        Assert.Contains("interrupted", page);
        Assert.Contains("no end recorded", page);
        Assert.DoesNotContain("Exit code", page);
    }

    [Fact]
    public void Hostile_names_add_no_rows_headings_or_markup()
    {
        var page = MarkdownReport.Render(Documents.Hostile());
        var lines = page.Split('\n');
        Assert.Equal(3, lines.Count(l => l.StartsWith('#') && !l.StartsWith("# ", StringComparison.Ordinal) && l.StartsWith("## ", StringComparison.Ordinal) && l is "## Components" or "## Segments" or "## Warnings"));
        Assert.DoesNotContain(lines, l => l.StartsWith("## x", StringComparison.Ordinal));
        Assert.DoesNotContain(page, "\u001b");
        Assert.DoesNotContain("\u202e", page, StringComparison.Ordinal);
        var header = lines.First(l => l.StartsWith("| component |", StringComparison.Ordinal));
        var row = lines[Array.IndexOf(lines, header) + 2];
        Assert.Equal(Cells(header), Cells(row));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_document_is_read_back_as_it_was_written(string name)
    {
        var document = Document(name);
        foreach (var json in new[] { TransactionJson.Default, TransactionJson.Readable })
        {
            var text = JsonSerializer.Serialize(document, json.TransactionDocument);
            var again = JsonSerializer.Deserialize(text, json.TransactionDocument)!;
            Assert.Equal(text, JsonSerializer.Serialize(again, json.TransactionDocument));
            Assert.Equal(MarkdownReport.Render(document), MarkdownReport.Render(again));
        }
    }

    [Fact]
    public void Both_files_are_written_and_the_newest_two_hundred_pairs_are_kept()
    {
        using var folder = new TemporaryFolder();
        var reports = Path.Combine(folder.Path, "reports");
        var files = new ReportFiles(reports);
        for (var i = 0; i < 203; i++)
        {
            files.Write(Documents.Unchanged() with { Id = $"tx-20261121-120000-{i:x6}" });
        }

        File.WriteAllText(Path.Combine(reports, "tx-notes.md"), "mine");
        files.Write(Documents.Reflected() with { Id = "tx-20261122-120000-000000" });
        Assert.True(File.Exists(Path.Combine(reports, "tx-notes.md")));
        Assert.Equal(200, Directory.GetFiles(reports, "*.json").Length);
        Assert.Equal(201, Directory.GetFiles(reports, "*.md").Length);
        Assert.False(File.Exists(files.Markdown("tx-20261121-120000-000003")));
        Assert.True(File.Exists(files.Json("tx-20261122-120000-000000")));
        Assert.Equal(MarkdownReport.Render(Documents.Reflected() with { Id = "tx-20261122-120000-000000" }), File.ReadAllText(files.Markdown("tx-20261122-120000-000000")));
    }

    [Fact]
    public void A_name_that_is_no_transaction_id_never_becomes_a_path() =>
        Assert.Throws<ArgumentException>(() => new ReportFiles(Path.GetTempPath()).Markdown("../../etc/passwd"));

    [Fact]
    public void The_sentences_name_what_how_long_and_what_took_the_most()
    {
        Assert.Equal("gateway reflected 1.84 s after save; build/compile took the most: 1.20 s (65 %)", Sentences.Headline(Documents.Reflected()));
        Assert.Equal("unchanged: 4 components, read from the target 3 ms ago", Sentences.Headline(Documents.Unchanged()));
        Assert.Equal("would build 1 and roll out 1 of 4 components", Sentences.Headline(Documents.Planned()));
        Assert.Equal(
            "gateway reflected 10 h 00 m after commit, 1.53 s of it not idle; build/compile took the most of that: 1.20 s (78 %)",
            Sentences.Headline(Documents.AfterANight()));
        Assert.EndsWith("; gateway@0123456789ab still serves", Sentences.Headline(Documents.NotReady()));
    }

    private static int Cells(string line) => line.Replace("\\|", "", StringComparison.Ordinal).Count(c => c == '|');

    internal static TransactionDocument Document(string name) => name switch
    {
        "reflected" => Documents.Reflected(),
        "unchanged" => Documents.Unchanged(),
        "night" => Documents.AfterANight(),
        "not-ready" => Documents.NotReady(),
        "killed" => Documents.Killed(),
        "hostile" => Documents.Hostile(),
        "planned" => Documents.Planned(),
        _ => throw new ArgumentOutOfRangeException(nameof(name)),
    };
}
