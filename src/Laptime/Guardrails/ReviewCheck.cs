using System.Text.Json;
using System.Text.Json.Nodes;
using Laptime.Building;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Ledgers.Governance;
using Laptime.Processes;
using Laptime.Transactions;
using Laptime.Workspaces;

namespace Laptime.Guardrails;

/// <summary>Whether somebody else looked at a commit.</summary>
public enum ReviewVerdict
{
    /// <summary>Nothing says so.</summary>
    None,

    /// <summary>Its author says so.</summary>
    Self,

    /// <summary>Somebody else says so.</summary>
    FourEyes,
}

/// <summary>The review of one commit.</summary>
/// <param name="Commit">40 or 64 hexadecimal digits.</param>
/// <param name="Subject">Its first line.</param>
/// <param name="Author">Who wrote it.</param>
/// <param name="By">Who reviewed it, and how that is known; empty: nobody.</param>
public sealed record CommitReview(string Commit, string Subject, string Author, ReviewVerdict Verdict, string By);

/// <summary>Judges the reviews of the commits between what serves and what is to be rolled out. What is judged is pure; what asks git is apart.</summary>
public static class ReviewCheck
{
    private static readonly string[] Trailers = ["reviewed-by", "acked-by", "approved-by", "merged-by"];

    /// <summary>The verdict over all commits: the worst of them decides.</summary>
    public static Guardrail Judge(IReadOnlyList<CommitReview> commits, ReviewSettings settings)
    {
        var evidence = commits.Select(c => $"{c.Commit[..12]} {Short(c.Subject)} ({c.Author}): {Words(c)}").ToList();
        if (commits.FirstOrDefault(c => c.Verdict == ReviewVerdict.None) is { } none)
        {
            return Guardrail.Refuse(GuardrailName.Review, $"nothing shows that {none.Commit[..12]} was reviewed ({Short(none.Subject)}, by {none.Author})", Mend(settings), evidence);
        }

        var own = commits.Count(c => c.Verdict == ReviewVerdict.Self);
        return own == 0 ? Guardrail.Pass(GuardrailName.Review, $"{commits.Count} {(commits.Count == 1 ? "commit" : "commits")} reviewed by somebody else than the author", evidence)
            : settings.Self ? Guardrail.Pass(GuardrailName.Review, $"self: {own} of {commits.Count} commits were approved by their own author, which this environment takes (guardrails.review.self)", evidence)
            : Guardrail.Refuse(GuardrailName.Review, $"self: {commits.First(c => c.Verdict == ReviewVerdict.Self).Commit[..12]} was approved only by its own author", Mend(settings), evidence);
    }

    /// <summary>One commit as `git log` told it.</summary>
    /// <param name="authors">Everybody who wrote something of it: of a merge, the merged commits' authors too.</param>
    /// <param name="committer">Who made the commit object; of a merge, who merged.</param>
    /// <param name="trailers"><c>Key: value</c> lines.</param>
    public static CommitReview Judge(string commit, string subject, IReadOnlyList<string> authors, string committer, bool isMerge, IReadOnlyList<string> trailers)
    {
        var names = trailers.Select(t => t.Split(':', 2)).Where(t => t.Length == 2 && Trailers.Contains(t[0].Trim().ToLowerInvariant())).Select(t => (How: t[0].Trim(), Who: t[1].Trim())).ToList();
        if (isMerge)
        {
            names.Add(("merged", committer));
        }

        var other = names.FirstOrDefault(n => Mail(n.Who) is { Length: > 0 } mail && !IsMachine(mail) && authors.All(a => Mail(a) != mail));
        return other.Who is not null ? new CommitReview(commit, subject, authors[0], ReviewVerdict.FourEyes, $"{other.How} {other.Who}")
            : names.FirstOrDefault(n => !IsMachine(Mail(n.Who))) is { Who: not null } own ? new CommitReview(commit, subject, authors[0], ReviewVerdict.Self, $"{own.How} {own.Who}")
            : new CommitReview(commit, subject, authors.Count > 0 ? authors[0] : "", ReviewVerdict.None, "");
    }

    /// <summary>The address in <c>Name &lt;address&gt;</c>, lower case; the whole text where it has none.</summary>
    public static string Mail(string person) =>
        (person.LastIndexOf('<') is >= 0 and var start && person.IndexOf('>', start) is var end and > 0 ? person[(start + 1)..end] : person).Trim().ToLowerInvariant();

    /// <summary>A forge that merges for somebody is nobody's eyes.</summary>
    private static bool IsMachine(string mail) => mail is "noreply@github.com" or "noreply@gitlab.com" || mail.Contains("[bot]", StringComparison.Ordinal);

    private static string Words(CommitReview c) => c.Verdict switch { ReviewVerdict.FourEyes => c.By, ReviewVerdict.Self => $"self, {c.By}", _ => c.By.Length > 0 ? $"no review: {c.By}" : "no review" };

    private static string Short(string subject) => subject.Length <= 50 ? subject : subject[..49] + "…";

    private static string Mend(ReviewSettings settings) => settings.By switch
    {
        ReviewEvidence.Git => "let somebody else merge it, or add `Reviewed-by: NAME <MAIL>` to the commit",
        ReviewEvidence.Codeowners => "let an owner of what changed (CODEOWNERS) merge it, or add `Reviewed-by: NAME <MAIL>` of one",
        ReviewEvidence.Attestation => $"write {settings.File}: {{ \"commit\": …, \"approver\": \"NAME <MAIL>\", \"at\": … }}",
        _ => "the command says what it wants; it must end with 0 and print who reviewed",
    };
}

/// <summary>Asks git, a file or a command for the reviews.</summary>
internal sealed class ReviewSource(ReviewSettings settings, Git git, string root, ProcessRunner runner, Func<CommandLine, Command> command)
{
    private const int MostCommits = 200;
    private static readonly TimeSpan Bound = TimeSpan.FromMinutes(2);

    private readonly List<AttestationRef> read = [];

    /// <summary>The files that were read so far.</summary>
    public IReadOnlyList<AttestationRef> Read => read;

    /// <param name="ranges">From a commit that serves (null: only the newest commit is looked at) to one that is to be rolled out. What several have is looked at once.</param>
    public async Task<Guardrail> CheckAsync(IReadOnlyList<(string? From, string To)> ranges, CancellationToken cancel)
    {
        var reviews = new Dictionary<string, CommitReview>(StringComparer.Ordinal);
        foreach (var (from, to) in ranges)
        {
            var commits = settings.By is ReviewEvidence.Command ? [to] : await CommitsAsync(from, to, cancel);
            if (commits.Count > MostCommits)
            {
                return Guardrail.Refuse(GuardrailName.Review, $"more than {MostCommits} commits lie between what serves ({from![..12]}) and {to[..12]}: they are not all looked at", "promote in smaller steps, or ask a command that knows: review: { by: command }");
            }

            foreach (var commit in commits)
            {
                if (reviews.ContainsKey(commit))
                {
                    continue;
                }

                if (await ReviewAsync(commit, cancel) is not { } review)
                {
                    return Guardrail.Refuse(GuardrailName.Review, $"this repository does not have the commit {commit[..12]}", "git fetch, then try again");
                }

                reviews.Add(commit, review);
            }
        }

        return ReviewCheck.Judge([.. reviews.Values], settings);
    }

    private async Task<IReadOnlyList<string>> CommitsAsync(string? from, string to, CancellationToken cancel) =>
        from is not null && from != to && await git.ReadAsync(["rev-list", "--first-parent", $"--max-count={MostCommits + 1}", $"{from}..{to}", "--"], cancel) is { Count: > 0 } listed ? listed : [to];

    /// <summary>Null: the repository does not have it. A command may know more than the repository.</summary>
    private async Task<CommitReview?> ReviewAsync(string commit, CancellationToken cancel)
    {
        if (settings.By is ReviewEvidence.Command)
        {
            return await ByCommandAsync(commit, cancel);
        }

        return await OfAsync(commit, cancel) is not { } told ? null : settings.By switch
        {
            ReviewEvidence.Attestation => Attested(told), ReviewEvidence.Codeowners => await OwnedAsync(told, cancel), _ => told,
        };
    }

    private async Task<CommitReview?> OfAsync(string commit, CancellationToken cancel)
    {
        if (await git.ReadAsync(["log", "-1", "--format=%s%n%an <%ae>%n%cn <%ce>%n%P%n%(trailers:only,unfold)", commit, "--"], cancel) is not [var subject, var author, var committer, var parents, ..] lines)
        {
            return null;
        }

        var isMerge = parents.Contains(' ', StringComparison.Ordinal);
        IReadOnlyList<string> authors = [author];
        if (isMerge && await git.ReadAsync(["log", $"--max-count={MostCommits}", "--format=%an <%ae>", $"{commit}^1..{commit}^2", "--"], cancel) is { Count: > 0 } merged)
        {
            authors = [.. merged.Distinct()];
        }

        return ReviewCheck.Judge(commit, subject, authors, committer, isMerge, [.. lines.Skip(4).Where(t => t.Length > 0)]);
    }

    /// <summary>The reviewer must own what the commit changed, each file of it.</summary>
    private async Task<CommitReview> OwnedAsync(CommitReview review, CancellationToken cancel)
    {
        if (review.Verdict == ReviewVerdict.None)
        {
            return review;
        }

        if (OwnerRules.FindCodeOwners(git.Top, "") is not { AreDeclared: true } rules)
        {
            return review with { Verdict = ReviewVerdict.None, By = $"{review.By}, but there is no CODEOWNERS" };
        }

        var mail = ReviewCheck.Mail(review.By);
        var changed = await git.ReadAsync(["diff", "--name-only", "--no-renames", $"{review.Commit}^1", review.Commit, "--"], cancel) ?? [];
        var foreign = changed.FirstOrDefault(path => rules.Of(path) is { } owners && !owners.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries).Any(o => Is(o, mail)));
        return foreign is null ? review : review with { Verdict = ReviewVerdict.None, By = $"{review.By}, who does not own {foreign} ({rules.Of(foreign)} do)" };
    }

    /// <summary>An owner is an address, or a handle that a forge's private address carries. Who is in a team nobody can tell here.</summary>
    private static bool Is(string owner, string mail) =>
        owner.StartsWith('@')
            ? mail.EndsWith("@users.noreply.github.com", StringComparison.Ordinal) && owner[1..].Equals(mail.Split('@')[0].Split('+')[^1], StringComparison.OrdinalIgnoreCase)
            : owner.Equals(mail, StringComparison.OrdinalIgnoreCase);

    private CommitReview Attested(CommitReview review)
    {
        var name = settings.File!.Replace("${commit}", review.Commit, StringComparison.Ordinal);
        var file = Path.Combine(root, name);
        try
        {
            if (!File.Exists(file))
            {
                return review with { Verdict = ReviewVerdict.None, By = "" };
            }

            var bytes = File.ReadAllBytes(file);
            read.Add(new AttestationRef(null, name, Digest.Of(bytes).ToString()));
            return JsonNode.Parse(bytes) is JsonObject json && (string?)json["commit"] == review.Commit && (string?)json["approver"] is { Length: > 0 } approver
                ? review with { Verdict = ReviewCheck.Mail(approver) == ReviewCheck.Mail(review.Author) ? ReviewVerdict.Self : ReviewVerdict.FourEyes, By = $"{approver} ({name})" }
                : review with { Verdict = ReviewVerdict.None, By = $"{name} speaks of another commit, or names no approver" };
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or IOException)
        {
            throw new FaultException(new Fault(Outcome.GuardrailRefused, $"the review in {name} cannot be read: {e.Message}", file, "correct it: { \"commit\": …, \"approver\": …, \"at\": … }"), e);
        }
    }

    private async Task<CommitReview> ByCommandAsync(string commit, CancellationToken cancel)
    {
        var review = await OfAsync(commit, cancel) ?? new CommitReview(commit, "", "", ReviewVerdict.None, "");
        var lines = new List<string>();
        var asked = command(settings.Command!);
        var result = await runner.RunAsync(
            asked with { Environment = new Dictionary<string, string?>(asked.Environment) { ["LAPTIME_COMMIT"] = commit }, Deadline = Bound, FailsAs = Outcome.GuardrailRefused },
            line =>
            {
                if (!line.IsError && line.Text.Trim().Length > 0)
                {
                    lines.Add(line.Text.Trim());
                }
            }, cancel);
        return !result.Succeeded || lines.Count == 0 ? review with { Verdict = ReviewVerdict.None, By = "" }
            : lines.FirstOrDefault(l => ReviewCheck.Mail(l) != ReviewCheck.Mail(review.Author)) is { } other ? review with { Verdict = ReviewVerdict.FourEyes, By = other }
            : review with { Verdict = ReviewVerdict.Self, By = lines[0] };
    }
}
