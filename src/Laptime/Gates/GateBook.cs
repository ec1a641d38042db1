using System.Text.Json.Nodes;
using Laptime.Artifacts.Provenance;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Gates;

/// <summary>Writes an entry into the audit log, before the record that it is about is written.</summary>
/// <param name="actor">Who, as git knows them.</param>
/// <param name="happened"><c>gate-claim</c>, <c>gate-pass</c>, <c>gate-fail</c>, <c>gate-veto</c>, <c>gate-lift</c>.</param>
public delegate Task GateAudit(string actor, string happened, JsonObject data, CancellationToken cancel);

/// <summary>What a verb of gates works with.</summary>
public sealed record GateParts(ProcessRunner Runner, TimeProvider Clock, string LapVersion)
{
    /// <summary>A private key that was asked for, absolute; null: the one in .laptime/keys, if there is one.</summary>
    public string? KeyFile { get; init; }

    /// <summary>Null: there is no audit log.</summary>
    public GateAudit? Audit { get; init; }

    /// <summary>What is being done, in a line.</summary>
    public Action<string>? Say { get; init; }

    /// <summary>What checks print, as it comes.</summary>
    public Action<OutputLine>? OnLine { get; init; }
}

/// <summary>How every item stands, at the commit that is checked out.</summary>
/// <param name="Uncommitted">Files that differ from the commit: what is said is not about them.</param>
/// <param name="Orphans">Folders of records whose items gates.yaml does not have.</param>
public sealed record GateBoard(GateSheet Sheet, string Revision, IReadOnlyList<GateStanding> Items, IReadOnlyList<string> Uncommitted, IReadOnlyList<string> Orphans)
{
    public bool IsDone => Items.All(i => i.Status == GateStatus.Pass);
}

/// <summary>A repository's definition of done with its records: claims, cold verifications, vetoes.</summary>
public sealed partial class GateBook
{
    private readonly GateParts parts;
    private readonly GateRepository repository;
    private readonly GateSignatures signatures;
    private readonly GateRecords records;
    private IReadOnlyList<(string Path, string Commit)>? removed;

    private GateBook(GateSheet sheet, GateRepository repository, GateParts parts)
    {
        (Sheet, this.repository, this.parts) = (sheet, repository, parts);
        signatures = new GateSignatures(sheet.Root);
        records = new GateRecords(sheet, signatures);
    }

    public GateSheet Sheet { get; }

    /// <exception cref="LapException">gates.yaml is not in a git repository.</exception>
    public static async Task<GateBook> OpenAsync(GateSheet sheet, GateParts parts, CancellationToken cancel) =>
        new(sheet, await GateRepository.OpenAsync(parts.Runner, sheet.Root, cancel).ConfigureAwait(false), parts);

    /// <exception cref="LapException">There is no such item.</exception>
    public GateItem Item(string id) =>
        Sheet.Find(id) ?? throw new LapException($"gates.yaml has no item {id}", Sheet.File, NearestName.Suggest(id, [.. Sheet.Items.Select(i => i.Id)]));

    /// <summary>Reads everything; runs and writes nothing.</summary>
    public async Task<GateBoard> ReadAsync(CancellationToken cancel)
    {
        var head = await repository.HeadAsync(cancel).ConfigureAwait(false);
        var standings = new List<GateStanding>();
        var inputs = new GateInputs(Sheet, repository);
        foreach (var item in Sheet.Items)
        {
            standings.Add(await StandingAsync(item, head, inputs, cancel).ConfigureAwait(false));
        }

        var folder = Path.Combine(Sheet.Root, Sheet.Records);
        var orphans = Directory.Exists(folder)
            ? Directory.EnumerateDirectories(folder).Where(d => Directory.EnumerateFiles(d).Any(f => RecordNames.Read(Path.GetFileName(f)) is not null)).Select(d => Path.GetFileName(d)).Where(n => Sheet.Find(n) is null).Order(StringComparer.Ordinal).ToList()
            : [];
        return new GateBoard(Sheet, head, GateJudge.WithNeeds(standings), await UncommittedAsync(cancel).ConfigureAwait(false), orphans);
    }

    /// <summary>Stands against an item, until it is withdrawn or lifted. Anybody may, at any time.</summary>
    public async Task<StoredRecord> VetoAsync(GateItem item, string reason, CancellationToken cancel)
    {
        using var key = signatures.Open(parts.KeyFile);
        return await AddAsync(
            new GateRecord
            {
                Kind = "veto", Item = item.Id, At = parts.Clock.GetUtcNow(), By = await repository.IdentityAsync(cancel).ConfigureAwait(false), After = [],
                Revision = await repository.HeadAsync(cancel).ConfigureAwait(false), Reason = Reasoned(reason),
            }, key, cancel).ConfigureAwait(false);
    }

    /// <summary>Lifts every veto that stands against an item and that this person may lift.</summary>
    /// <exception cref="FaultException">There is none, or this person may lift none.</exception>
    public Task<IReadOnlyList<StoredRecord>> LiftAsync(GateItem item, string reason, CancellationToken cancel) => TellingAsync("lift", item, () => LiftAllAsync(item, reason, cancel), cancel);

    private async Task<IReadOnlyList<StoredRecord>> LiftAllAsync(GateItem item, string reason, CancellationToken cancel)
    {
        Reasoned(reason);
        using var key = OpenKey();
        var by = await repository.IdentityAsync(cancel).ConfigureAwait(false);
        var head = await repository.HeadAsync(cancel).ConfigureAwait(false);
        var standing = await StandingAsync(item, head, new GateInputs(Sheet, repository), cancel).ConfigureAwait(false);
        if (standing.Vetoes.Count == 0)
        {
            throw new FaultException(new Fault(Outcome.GateFailed, $"no veto stands against {item.Id}", Sheet.File, "lap gate status shows how it stands"));
        }

        var (lifted, refused) = (new List<StoredRecord>(), (string?)null);
        foreach (var veto in standing.Vetoes)
        {
            var record = new GateRecord { Kind = "lift", Item = item.Id, At = parts.Clock.GetUtcNow(), By = by, After = [], Revision = head, Reason = reason, Veto = veto.Digest.ToString(), Key = key is null ? null : GateSignatures.Spki(key) };
            if (GateJudge.MayLift(new StoredRecord(default, record, "", signatures.NameOf(record.Key)), veto, records.Of(item.Id).Whole) is { } no)
            {
                refused = no;
                continue;
            }

            lifted.Add(await AddAsync(record, key, cancel).ConfigureAwait(false));
        }

        return lifted.Count > 0 ? lifted : throw new FaultException(new Fault(Outcome.GateFailed, refused!, standing.Vetoes[0].File, $"ask {standing.Vetoes[0].Record.By.Name} to withdraw it"));
    }

    private async Task<GateStanding> StandingAsync(GateItem item, string head, GateInputs inputs, CancellationToken cancel)
    {
        var (whole, troubles) = await RecordsAsync(item, head, cancel).ConfigureAwait(false);
        var stale = new Dictionary<Digest, GateStale?>();
        foreach (var claim in whole.Where(r => r.Kind == "claim"))
        {
            stale[claim.Digest] = await inputs.StaleAsync(item, claim.Record, head, cancel).ConfigureAwait(false);
        }

        return GateJudge.Of(item, whole, troubles, Sheet.Signed, c => stale[c.Digest]);
    }

    /// <summary>The item's records, and what was removed that spoke against it: no history loses a veto or a FAIL silently.</summary>
    private async Task<(IReadOnlyList<StoredRecord> Whole, IReadOnlyList<GateTrouble> Troubles)> RecordsAsync(GateItem item, string head, CancellationToken cancel)
    {
        var (whole, troubles) = records.Of(item.Id);
        removed ??= await repository.RemovedAsync(repository.InTop(Sheet.Records), head, cancel).ConfigureAwait(false);
        var own = repository.InTop($"{Sheet.Records}/{item.Id}/");
        var lost = removed.Where(r => r.Path.StartsWith(own, StringComparison.Ordinal) && RecordNames.Read(r.Path[own.Length..]) is ("veto" or "fail", _) && !File.Exists(Path.Combine(repository.Top, r.Path)))
            .DistinctBy(r => r.Path).Select(r => new GateTrouble(item.Id, $"{Sheet.Records}/{item.Id}/{r.Path[own.Length..]}", $"was removed in {r.Commit[..12]}: git checkout {r.Commit[..12]}^ -- {r.Path}"));
        return (whole, [.. troubles, .. lost]);
    }

    /// <summary>What differs from the commit, without records.</summary>
    private async Task<IReadOnlyList<string>> UncommittedAsync(CancellationToken cancel)
    {
        var names = new RecordNames(repository.InTop(Sheet.Records));
        return [.. (await repository.UncommittedAsync(cancel).ConfigureAwait(false)).Where(f => !names.IsOne(f))];
    }

    /// <summary>An attempt that is refused makes no record of the item, but it is in the audit log.</summary>
    private async Task<T> TellingAsync<T>(string what, GateItem item, Func<Task<T>> attempt, CancellationToken cancel)
    {
        try
        {
            return await attempt().ConfigureAwait(false);
        }
        catch (FaultException e) when (e.Fault.Outcome == Outcome.GateFailed && parts.Audit is not null)
        {
            try
            {
                var by = await repository.IdentityAsync(cancel).ConfigureAwait(false);
                await parts.Audit(by.ToString(), "gate-refused", new JsonObject { ["item"] = item.Id, ["attempt"] = what, ["why"] = e.Fault.What }, cancel).ConfigureAwait(false);
            }
            catch (Exception second) when (second is FaultException or LapException)
            {
                var why = second is FaultException fault ? fault.Fault.What : ((LapException)second).Problems[0].What;
                throw new FaultException(e.Fault with { What = $"{e.Fault.What}; and it could not be recorded: {why}" }, e);
            }

            throw;
        }
    }

    private async Task<StoredRecord> AddAsync(GateRecord record, SigningKey? key, CancellationToken cancel)
    {
        var added = await records.AddAsync(record, key, async stored =>
        {
            if (parts.Audit is { } audit)
            {
                var data = new JsonObject { ["item"] = record.Item, ["record"] = stored.File, ["digest"] = stored.Digest.ToString(), ["revision"] = record.Revision };
                foreach (var (name, value) in ((string, string?)[])[("claim", record.Claim), ("difference", record.Difference), ("reason", record.Reason), ("veto", record.Veto)])
                {
                    if (value is not null)
                    {
                        data[name] = value;
                    }
                }

                await audit(record.By.ToString(), "gate-" + record.Kind, data, cancel).ConfigureAwait(false);
            }
        }, cancel).ConfigureAwait(false);
        if (await repository.IsIgnoredAsync(repository.InTop(added.File), cancel).ConfigureAwait(false))
        {
            parts.Say?.Invoke($"git ignores {added.File}: nobody else will see it. Take {Sheet.Records}/ out of .gitignore");
        }

        return added;
    }

    /// <exception cref="LapException">gates.yaml wants signed records, and there is no key that it knows.</exception>
    private SigningKey? OpenKey()
    {
        var key = signatures.Open(parts.KeyFile);
        if (Sheet.Signed && (key is null || signatures.NameOf(GateSignatures.Spki(key)) is null))
        {
            key?.Dispose();
            throw new LapException(
                key is null ? "gates.yaml wants signed records, and there is no key to sign with" : "gates.yaml wants records that are signed with a key of keys/*.pub, and the public half of this one is not there", Sheet.File,
                "`lap keys create` makes a pair; commit the public half, keys/NAME.pub");
        }

        return key;
    }

    private static string Reasoned(string reason) => reason.Trim() is { Length: > 0 } said ? said : throw new LapException("a veto has a reason", "--reason", "--reason \"what is wrong\"");
}
