using System.Globalization;
using System.Text;
using System.Xml;
using Laptime.Recipes;

namespace Laptime.Reports;

/// <summary>
/// A run of a recipe's tiers as JUnit XML, as continuous integration reads it: a suite for the run, a case for each tier, the budget, the teardown and the fresh install of head.
/// What is unverified is a failure of that type: it never looks green.
/// </summary>
public static class JUnitReport
{
    public static string Render(RecipeRunDocument run)
    {
        var cases = Cases(run).ToList();
        using var text = new MemoryStream();
        using (var xml = XmlWriter.Create(text, new XmlWriterSettings { Indent = true, Encoding = new UTF8Encoding(false), NewLineChars = "\n" }))
        {
            xml.WriteStartDocument();
            xml.WriteStartElement("testsuites");
            xml.WriteAttributeString("name", "lap test");
            Counts(xml, cases, run.Seconds);
            xml.WriteStartElement("testsuite");
            xml.WriteAttributeString("name", Clean(RecipeSentences.Title(run)));
            Counts(xml, cases, run.Seconds);
            xml.WriteAttributeString("timestamp", run.Started.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss", CultureInfo.InvariantCulture));
            Properties(xml, run);
            foreach (var one in cases)
            {
                Write(xml, run, one);
            }

            xml.WriteStartElement("system-out");
            xml.WriteString(Clean(string.Join('\n', Summary(run))));
            xml.WriteEndElement();
            xml.WriteEndElement();
            xml.WriteEndElement();
            xml.WriteEndDocument();
        }

        return Encoding.UTF8.GetString(text.ToArray()) + "\n";
    }

    private sealed record Case(string Name, double Seconds, string? Failure = null, string? Type = null, string? Skipped = null, IReadOnlyList<string>? Detail = null, bool IsError = false);

    private static IEnumerable<Case> Cases(RecipeRunDocument run)
    {
        if (run.Fault is { } fault)
        {
            yield return new Case("run", 0, fault.What, fault.Outcome, Detail: [.. Lines(("where", fault.Where), ("mend", fault.Mend)), .. fault.Tail], IsError: true);
        }

        foreach (var tier in run.Tiers)
        {
            var (name, seconds) = (Weakened.Word(tier.Tier), RecipeSentences.Seconds(tier));
            IReadOnlyList<string> detail = [.. Lines(("mend", tier.Mend)), .. tier.Tail, .. tier.Evidence];
            yield return tier.Status switch
            {
                TierStatus.Pass => new Case(name, seconds, Detail: [.. tier.Evidence, .. tier.Skipped.Select(s => "skipped: " + s)]),
                TierStatus.Skip => new Case(name, seconds, Skipped: tier.Reason ?? "declared"),
                _ => new Case(name, seconds, tier.Reason ?? "no reason was told", Weakened.Word(tier.Status), Detail: detail),
            };
        }

        foreach (var missing in run.Stages.Where(s => run.Tiers.All(t => Weakened.Word(t.Tier) != s)))
        {
            yield return new Case(missing, 0, "it was asked for and did not run", Weakened.Word(TierStatus.Unverified));
        }

        var budget = RecipeSentences.BudgetHolds(run);
        yield return new Case("budget", 0, budget ? null : run.BudgetFindings.Count > 0 ? string.Join("; ", run.BudgetFindings) : RecipeSentences.DeployCount(run), budget ? null : "budget-exceeded",
            Detail: [RecipeSentences.DeployCount(run), RecipeSentences.Formula(run), RecipeSentences.Updates(run), RecipeSentences.ByTarget(run), .. run.BudgetEvidence]);
        var teardown = run.Segments.Where(s => s.Name == "teardown" && s.Seconds is not null).Sum(s => s.Seconds!.Value);
        yield return run.Teardown switch
        {
            "clean" => new Case("teardown", teardown),
            "kept" => new Case("teardown", teardown, Skipped: "kept, as asked for (--keep)"),
            var other => new Case("teardown", teardown, $"teardown: {other}", other, Detail: run.Left),
        };
        yield return run.Fresh switch
        {
            "pass" => new Case("fresh install of head", 0),
            "not verified" => new Case("fresh install of head", 0, Skipped: "not verified (--fresh verifies it)"),
            var other => new Case("fresh install of head", 0, $"fresh install of head: {other}", other),
        };
        if (run.Weakened.Count > 0)
        {
            // With --strict it is what the run fails by, when nothing else is.
            var fails = run.ExitCode != 0 && budget && run.Fault is null && run.Teardown is "clean" or "kept" && run.Fresh is "pass" or "not verified" && run.Tiers.All(t => t.Status is TierStatus.Pass or TierStatus.Skip);
            var said = string.Join("; ", run.Weakened);
            yield return fails ? new Case("nothing weakened", 0, said, "weakened") : new Case("nothing weakened", 0, Skipped: said);
        }
    }

    private static void Write(XmlWriter xml, RecipeRunDocument run, Case one)
    {
        xml.WriteStartElement("testcase");
        xml.WriteAttributeString("name", Clean(one.Name));
        xml.WriteAttributeString("classname", Clean($"recipe.{run.Recipe}"));
        xml.WriteAttributeString("time", Number(one.Seconds));
        if (one.Failure is not null)
        {
            xml.WriteStartElement(one.IsError ? "error" : "failure");
            xml.WriteAttributeString("message", Clean(one.Failure));
            xml.WriteAttributeString("type", Clean(one.Type ?? "fail"));
            xml.WriteString(Clean(string.Join('\n', one.Detail ?? [])));
            xml.WriteEndElement();
        }
        else if (one.Skipped is not null)
        {
            xml.WriteStartElement("skipped");
            xml.WriteAttributeString("message", Clean(one.Skipped));
            xml.WriteEndElement();
        }
        else if (one.Detail is { Count: > 0 } detail)
        {
            xml.WriteStartElement("system-out");
            xml.WriteString(Clean(string.Join('\n', detail)));
            xml.WriteEndElement();
        }

        xml.WriteEndElement();
    }

    private static void Properties(XmlWriter xml, RecipeRunDocument run)
    {
        xml.WriteStartElement("properties");
        foreach (var (name, value) in new (string, string?)[]
                 {
                     ("run", run.Id), ("base", run.Base), ("head", run.Head), ("head-commit", run.HeadCommit), ("target", run.Target), ("lane", run.Lane), ("outcome", run.Outcome),
                     ("exit-code", run.ExitCode.ToString(CultureInfo.InvariantCulture)), ("deploy-count", run.DeployCount.ToString(CultureInfo.InvariantCulture)), ("expected", run.Expected.ToString(CultureInfo.InvariantCulture)),
                 })
        {
            if (value is not null)
            {
                xml.WriteStartElement("property");
                xml.WriteAttributeString("name", name);
                xml.WriteAttributeString("value", Clean(value));
                xml.WriteEndElement();
            }
        }

        xml.WriteEndElement();
    }

    private static IEnumerable<string> Summary(RecipeRunDocument run)
    {
        if (RecipeSentences.Dominant(run) is { } dominant)
        {
            yield return dominant;
        }

        foreach (var line in (string[])[RecipeSentences.DeployCount(run), RecipeSentences.Deployed(run), RecipeSentences.Warm(run), RecipeSentences.Teardown(run), RecipeSentences.Fresh(run), .. run.ParityGaps, .. run.Warnings])
        {
            yield return line;
        }
    }

    private static void Counts(XmlWriter xml, List<Case> cases, double seconds)
    {
        xml.WriteAttributeString("tests", Text(cases.Count));
        xml.WriteAttributeString("failures", Text(cases.Count(c => c is { Failure: not null, IsError: false })));
        xml.WriteAttributeString("errors", Text(cases.Count(c => c is { Failure: not null, IsError: true })));
        xml.WriteAttributeString("skipped", Text(cases.Count(c => c is { Failure: null, Skipped: not null })));
        xml.WriteAttributeString("time", Number(seconds));

        static string Text(int count) => count.ToString(CultureInfo.InvariantCulture);
    }

    private static IEnumerable<string> Lines(params (string Name, string? Value)[] facts) => facts.Where(f => f.Value is not null).Select(f => $"{f.Name}: {f.Value}");

    private static string Number(double seconds) => seconds.ToString("0.000", CultureInfo.InvariantCulture);

    /// <summary>Logs hold what XML has no place for: escape sequences, halves of characters.</summary>
    private static string Clean(string text)
    {
        if (text.Contains('\n'))
        {
            return string.Join('\n', text.Split('\n').Select(Clean));
        }

        var clean = new StringBuilder(text.Length);
        foreach (var rune in Processes.TerminalText.Strip(text).EnumerateRunes())
        {
            if (rune.Value is '\t' || (rune.Value >= 0x20 && rune.Value is not (0xfffe or 0xffff) && rune.Value is not (>= 0x7f and < 0xa0)))
            {
                clean.Append(rune);
            }
        }

        return clean.ToString();
    }
}
