using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Workspaces;

namespace Laptime.Artifacts.Provenance;

/// <summary>
/// The workspace's trust rules with their keys: says of an attestation whether the artifact it speaks of may be used for a component and a fingerprint.
/// Reads nothing after it was made; safe for use from several threads.
/// </summary>
/// <remarks>
/// Order matters: first that the bytes hold together, then the signature, and only then what the statement says. What an unverified statement says of itself
/// is used in messages, marked as such, and nowhere else.
/// </remarks>
public sealed class TrustPolicy : IDisposable
{
    /// <summary>How far the builder's clock may be ahead of ours.</summary>
    public static readonly TimeSpan ClockSkew = TimeSpan.FromMinutes(5);

    private readonly IReadOnlyList<KeyedRule> rules;
    private readonly string file;
    private readonly TimeProvider clock;

    private TrustPolicy(IReadOnlyList<KeyedRule> rules, string file, TimeProvider clock) => (this.rules, this.file, this.clock) = (rules, file, clock);

    /// <summary>There is a rule at all.</summary>
    public bool HasRules => rules.Count > 0;

    /// <exception cref="LapException">A rule's key does not exist or is none; all of them, each with the rule's line.</exception>
    public static TrustPolicy Load(Workspace workspace, TimeProvider clock)
    {
        var problems = new List<Problem>();
        var policy = new TrustPolicy(KeysOf(workspace, problems), workspace.File, clock);
        if (problems.Count == 0)
        {
            return policy;
        }

        policy.Dispose();
        throw new LapException(problems);
    }

    /// <summary>What is wrong with the rules' keys and sources: for <c>lap validate</c>.</summary>
    public static IReadOnlyList<Problem> Check(Workspace workspace)
    {
        var problems = new List<Problem>();
        foreach (var rule in KeysOf(workspace, problems))
        {
            rule.Key.Dispose();
        }

        problems.AddRange(workspace.Trust
            .Where(r => !SourceEvent.Known.Contains(r.Source) && NearestName.Of(r.Source, SourceEvent.Known) is not null)
            .Select(r => new Problem($"the trust rule's source `{r.Source}` is none of {string.Join(", ", SourceEvent.Known)}", r.At?.ToString(), NearestName.Suggest(r.Source, SourceEvent.Known.ToList()))));
        return problems;
    }

    /// <summary>Of a component whose artifact or attestation the store does not have.</summary>
    public static TrustVerdict.Refused Missing(string component, Digest fingerprint) => new(
        Refusal.Missing, $"the store has no artifact with provenance for {component} with the fingerprint {fingerprint.Short}", component,
        "`lap publish` from the commit that is deployed puts one there");

    /// <param name="manifest">The attestation's manifest, as the store gave it; null: it has none.</param>
    /// <param name="component">What is to be deployed.</param>
    /// <param name="fingerprint">Of the component as it is to be deployed.</param>
    public TrustVerdict Verify(ReadOnlyMemory<byte>? manifest, string component, Digest fingerprint)
    {
        if (manifest is not { } bytes)
        {
            return Missing(component, fingerprint);
        }

        if (!HasRules)
        {
            return new TrustVerdict.Refused(Refusal.Untrusted, $"{component} was found in the store, but no trust rule says whom to believe", file,
                "`lap keys create` makes a key and prints the rule to add under `trust:` (docs/guide/artifacts.md)");
        }

        Attestation attestation;
        SigstoreBundle bundle;
        try
        {
            attestation = Attestation.Parse(bytes);
            bundle = SigstoreBundle.Parse(attestation.Bundle);
        }
        catch (FormatException e)
        {
            return Tampered(component, $"the attestation of {component} is damaged: {Shown(e.Message)}");
        }

        var (envelope, signature) = (bundle.Envelope, bundle.Envelope.Signatures[0]);
        var signed = envelope.PreAuthentication();
        var genuine = rules.Select(r => r.Key).Distinct().Where(k => k.Verify(signed, signature.Bytes)).ToList();
        var signers = rules.Where(r => genuine.Contains(r.Key)).Select(r => r.Rule).ToList();
        if (signers.Count == 0)
        {
            return rules.FirstOrDefault(r => r.Key.Hint == bundle.Hint || r.Key.Hint == signature.KeyId) is { } claimed
                ? Tampered(component, $"the signature on the provenance of {component} is wrong: {claimed.Rule.Key} did not sign what is there now")
                : Stranger(component, attestation, bundle.Hint);
        }

        BuildProvenance provenance;
        try
        {
            if (envelope.PayloadType != DsseEnvelope.InToto)
            {
                throw new FormatException($"it is {envelope.PayloadType}");
            }

            provenance = Statement.Parse(envelope.Payload);
        }
        catch (FormatException e)
        {
            return new TrustVerdict.Refused(Refusal.Untrusted, $"what {signers[0].Key} signed for {component} is no provenance that this version of lap reads: {Shown(e.Message)}", signers[0].At?.ToString(),
                "publish with the same version of lap as deploys, or update this one");
        }

        return Deny(attestation, provenance, component, fingerprint) ?? Judge(signers, provenance);
    }

    public void Dispose()
    {
        foreach (var rule in rules)
        {
            rule.Key.Dispose();
        }
    }

    /// <summary>A genuine statement may still be one about something else.</summary>
    private static TrustVerdict.Refused? Deny(Attestation attestation, BuildProvenance provenance, string component, Digest fingerprint) =>
        provenance.Component != component ? Tampered(component, $"the provenance found for {component} is that of {Shown(provenance.Component)}")
        : provenance.Fingerprint != fingerprint ? Tampered(component, $"the provenance found for {component} is that of other inputs: fingerprint {provenance.Fingerprint.Short}, not {fingerprint.Short}")
        : attestation.Subject.Digest != provenance.Artifact ? Tampered(component, $"the attestation of {component} points at {attestation.Subject.Digest.Short}, and what was signed is {provenance.Artifact.Short}")
        : null;

    /// <param name="signers">The rules whose key signed it.</param>
    private TrustVerdict Judge(List<TrustRule> signers, BuildProvenance provenance)
    {
        var name = provenance.Component;
        var fitting = signers.Where(r => Fits(r, provenance)).ToList();
        if (fitting.Count == 0)
        {
            var near = signers.MaxBy(r => (r.Source == provenance.Source.Event ? 1 : 0) + (IsBuilder(r.Builder, provenance.Builder) ? 1 : 0))!;
            return new TrustVerdict.Refused(Refusal.Untrusted,
                $"no trust rule fits {name}: it is signed by {near.Key}, but {Differences(near, provenance)}", near.At?.ToString(),
                $"publish it from there; or, if it shall be trusted, add: {RuleText(provenance.Source.Event, provenance.Builder, near.Key)}");
        }

        var now = clock.GetUtcNow();
        if (provenance.Finished > now + ClockSkew)
        {
            return new TrustVerdict.Refused(Refusal.Untrusted,
                $"{name} says it was built in {Duration.Text(provenance.Finished - now)} from now ({provenance.Finished.UtcDateTime:yyyy-MM-dd HH:mm:ss}Z)", fitting[0].At?.ToString(),
                "one of the two clocks is wrong, the builder's or this machine's: set it (5 minutes are allowed)");
        }

        if (fitting.Find(r => provenance.Finished > r.Until) is { } ended && fitting.TrueForAll(r => provenance.Finished > r.Until))
        {
            return new TrustVerdict.Refused(Refusal.Expired,
                $"{name} was signed by {ended.Key} after that key's time: built {provenance.Finished.UtcDateTime:yyyy-MM-dd HH:mm}Z, trusted until {ended.Until!.Value.UtcDateTime:yyyy-MM-dd HH:mm}Z", ended.At?.ToString(),
                "publish with the key that came after it, or move the rule's `until`");
        }

        fitting.RemoveAll(r => provenance.Finished > r.Until);
        if (fitting.Find(r => !(now - provenance.Finished > r.MaxAge)) is not { } rule)
        {
            var oldest = fitting.MaxBy(r => r.MaxAge)!;
            return new TrustVerdict.Refused(Refusal.Expired,
                $"{name} is too old: built {Duration.Text(now - provenance.Finished)} ago, and {Duration.Text(oldest.MaxAge!.Value)} are allowed", oldest.At?.ToString(),
                "`lap publish` it again, or raise the rule's `max-age`");
        }

        return provenance.Dirty
            ? new TrustVerdict.Refused(Refusal.DirtyTree, $"{name} was built from a tree with uncommitted changes on top of {provenance.Source.Commit[..12]}", name,
                "commit, and `lap publish` from a clean checkout")
            : new TrustVerdict.Trusted(rule, provenance);
    }

    /// <summary>Signed by none of our keys. What it says of itself is told as such.</summary>
    private TrustVerdict.Refused Stranger(string component, Attestation attestation, string hint)
    {
        var says = "";
        TrustRule? near = null;
        try
        {
            var claim = attestation.ReadUnverified();
            near = rules.Select(r => r.Rule).MaxBy(r => (r.Source == claim.Source.Event ? 1 : 0) + (IsBuilder(r.Builder, claim.Builder) ? 1 : 0))!;
            says = $"; it says of itself, unverified: built by {Shown(claim.Builder)} from {Shown(claim.Source.Event)}. The nearest rule has another key, {near.Key}"
                + (Fits(near, claim) ? "" : ", and " + Differences(near, claim));
        }
        catch (FormatException)
        {
            // It says nothing that could be told.
        }

        return new TrustVerdict.Refused(Refusal.Untrusted, $"{component} is signed by a key that no trust rule has (hint {Shown(hint)}){says}", near?.At?.ToString() ?? file,
            "`lap keys list` shows the keys that are trusted; if this one shall be, add its public key and a rule under `trust:`");
    }

    private static TrustVerdict.Refused Tampered(string component, string what) => new(
        Refusal.Tampered, what, component, "find out who can write to the store; `lap publish` puts a good one there");

    private static bool Fits(TrustRule rule, BuildProvenance provenance) => rule.Source == provenance.Source.Event && IsBuilder(rule.Builder, provenance.Builder);

    /// <summary>A rule's builder may end with <c>*</c>: CI services put the ref in it, and tags are many.</summary>
    private static bool IsBuilder(string rule, string builder) =>
        rule.EndsWith('*') ? builder.AsSpan().StartsWith(rule.AsSpan(0, rule.Length - 1), StringComparison.Ordinal) : rule == builder;

    private static string Differences(TrustRule rule, BuildProvenance provenance) => string.Join(", and ", (string[])
    [
        .. rule.Source == provenance.Source.Event ? [] : (string[])[$"its source is {Shown(provenance.Source.Event)}, not {rule.Source}"],
        .. IsBuilder(rule.Builder, provenance.Builder) ? [] : (string[])[$"its builder is {Shown(provenance.Builder)}, not {rule.Builder}"],
    ]);

    /// <summary>A rule as it stands in laptime.yaml.</summary>
    public static string RuleText(string source, string builder, string key) => $"- {{ source: {Yaml(source)}, builder: {Yaml(builder)}, key: {Yaml(key)} }}";

    /// <summary>Plain where a plain text stays one within a flow mapping.</summary>
    private static string Yaml(string text) =>
        text.Length > 0 && char.IsLetterOrDigit(text[0]) && text.All(c => char.IsAsciiLetterOrDigit(c) || "-_./:@+~%".Contains(c)) && text[^1] != ':'
            ? text
            : "'" + Shown(text).Replace("'", "''") + "'";

    /// <summary>Text of strangers, for a message.</summary>
    private static string Shown(string text)
    {
        var clean = string.Concat(text.Select(c => char.IsControl(c) ? '?' : c));
        return clean.Length <= 200 ? clean : clean[..200] + "…";
    }

    private static List<KeyedRule> KeysOf(Workspace workspace, List<Problem> problems)
    {
        var rules = new List<KeyedRule>();
        foreach (var rule in workspace.Trust)
        {
            try
            {
                rules.Add(new KeyedRule(rule, rules.Find(r => r.Rule.Key == rule.Key)?.Key
                    ?? VerificationKey.Load(Path.GetFullPath(Path.Combine(workspace.Root, rule.Key)), rule.Key, rule.At?.ToString())));
            }
            catch (LapException e)
            {
                problems.AddRange(e.Problems);
            }
        }

        return rules;
    }

    private sealed record KeyedRule(TrustRule Rule, VerificationKey Key);
}
