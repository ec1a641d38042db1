using FsCheck;
using FsCheck.Fluent;
using Laptime.Artifacts.Provenance;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Workspaces;

namespace Laptime.Tests.Artifacts.Provenance;

public sealed class TrustPolicyTests : IDisposable
{
    private readonly Signed signed = new();

    public void Dispose() => signed.Dispose();

    private static TrustVerdict.Refused Refused(TrustVerdict verdict, string fallback, params string[] words)
    {
        var refused = Assert.IsType<TrustVerdict.Refused>(verdict);
        Assert.Equal(fallback, refused.Fallback);
        Assert.All(words, w => Assert.Contains(w, refused.What, StringComparison.Ordinal));
        Assert.NotEmpty(refused.Mend);
        return refused;
    }

    [Fact]
    public async Task What_a_rule_asks_for_is_trusted_and_the_artifact_is_the_signed_one()
    {
        var trusted = Assert.IsType<TrustVerdict.Trusted>(signed.Verify(await signed.SignAsync(signed.Provenance)));
        Assert.Equal((Signed.Rule, Signed.Subject.Digest, "tx-20261121-110329-7f3a9c"), (trusted.Rule, trusted.Provenance.Artifact, trusted.Provenance.Invocation));
    }

    [Fact]
    public void Nothing_in_the_store_is_missing() => Refused(signed.Verify(null), "missing", "gateway", Signed.Fingerprint.Short);

    [Fact]
    public async Task Without_any_rule_nothing_is_trusted_and_the_cure_names_the_command()
    {
        using var policy = signed.Policy();
        Assert.False(policy.HasRules);
        var refused = Refused(policy.Verify(await signed.SignAsync(signed.Provenance), "gateway", Signed.Fingerprint), "untrusted", "no trust rule");
        Assert.Contains("lap keys create", refused.Mend, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_changed_payload_is_tampered()
    {
        var bundle = SigstoreBundle.Parse(Attestation.Parse(await signed.SignAsync(signed.Provenance)).Bundle);
        var payload = StatementTests.With(bundle.Envelope.Payload, "predicate.runDetails.builder.id", "\"https://evil.invalid\"");
        Refused(signed.Verify(signed.Wrap((bundle with { Envelope = bundle.Envelope with { Payload = payload } }).ToBytes())), "tampered", "signature", "keys/ci.pub");
    }

    [Fact]
    public async Task A_good_signature_counts_whatever_the_hint_says_and_a_hint_alone_counts_nothing()
    {
        var bundle = SigstoreBundle.Parse(Attestation.Parse(await signed.SignAsync(signed.Provenance)).Bundle);
        var lost = new SigstoreBundle(bundle.Envelope with { Signatures = [bundle.Envelope.Signatures[0] with { KeyId = "" }] }, "");
        Assert.IsType<TrustVerdict.Trusted>(signed.Verify(signed.Wrap(lost.ToBytes())));

        using var other = signed.Other();
        var forged = SigstoreBundle.Parse(Attestation.Parse(await signed.SignAsync(signed.Provenance, other)).Bundle);
        Refused(signed.Verify(signed.Wrap((forged with { Hint = signed.Key.Public.Hint }).ToBytes())), "tampered", "keys/ci.pub did not sign");
    }

    [Fact]
    public async Task A_key_that_no_rule_has_is_untrusted_and_what_it_claims_is_told_as_a_claim()
    {
        using var other = signed.Other();
        var refused = Refused(
            signed.Verify(await signed.SignAsync(signed.Provenance with { Builder = "https://else.example.org/x" }, other)), "untrusted",
            other.Public.Hint, "says of itself, unverified", "https://else.example.org/x", "merge-to-main", "another key, keys/ci.pub", "its builder is https://else.example.org/x, not " + Signed.Builder);
        Assert.Equal("laptime.yaml:9:5", refused.Where);
        // Not even a statement.
        Refused(signed.Verify(signed.Wrap(new SigstoreBundle(new DsseEnvelope("x", [1, 2], [new DsseSignature("k", [1])]), "\u001b[31mred").ToBytes())), "untrusted", "hint ?[31mred");
    }

    [Theory]
    [InlineData(SourceEvent.Branch, Signed.Builder, "its source is branch, not merge-to-main")]
    [InlineData(SourceEvent.MergeToMain, "https://ci.example.org/main2", "its builder is https://ci.example.org/main2, not https://ci.example.org/main")]
    [InlineData(SourceEvent.PullRequest, "https://ci.example.org", "its source is pull-request, not merge-to-main, and its builder is https://ci.example.org, not")]
    public async Task A_good_key_with_another_source_or_builder_is_untrusted_and_the_difference_is_named(string source, string builder, string difference)
    {
        var provenance = signed.Provenance with { Builder = builder, Source = signed.Provenance.Source with { Event = source } };
        var refused = Refused(signed.Verify(await signed.SignAsync(provenance)), "untrusted", "keys/ci.pub", difference);
        Assert.Equal("laptime.yaml:9:5", refused.Where);
        Assert.Contains($"- {{ source: {source}, builder: {builder}, key: keys/ci.pub }}", refused.Mend, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_nearest_of_several_rules_is_named()
    {
        TrustRule[] rules = [Signed.Rule with { Source = "tag", Builder = "b", At = null }, Signed.Rule with { Builder = "b", At = new SourceLocation("laptime.yaml", 7, 1) }];
        Assert.Equal("laptime.yaml:7:1", Refused(signed.Verify(await signed.SignAsync(signed.Provenance), rules), "untrusted", "its builder is").Where);
    }

    [Theory]
    [InlineData("https://ci.example.org/*", true)]
    [InlineData("https://ci.example.org/main*", true)]
    [InlineData("*", true)]
    [InlineData("https://ci.example.org/main/*", false)]
    [InlineData("https://*/main", false)]
    [InlineData("https://ci.example.org/mai", false)]
    public async Task A_builder_that_ends_with_a_star_stands_for_all_that_begin_so(string builder, bool trusted) =>
        Assert.Equal(trusted, signed.Verify(await signed.SignAsync(signed.Provenance), Signed.Rule with { Builder = builder }) is TrustVerdict.Trusted);

    /// <summary>Age, end of the rule, and a clock ahead of ours: every combination against the rule in one line.</summary>
    [Fact]
    public void Age_end_and_clock_decide_as_the_rule_says()
    {
        var now = signed.Clock.GetUtcNow();
        var cases = from ageSeconds in Gen.OneOf(Gen.Choose(-900, 900), Gen.Choose(-1_000_000, 100_000_000), Gen.Elements(-301, -300, -299, 0, 86_399, 86_400, 86_401))
                    from maxAge in Gen.Elements<TimeSpan?>(null, TimeSpan.FromDays(1), TimeSpan.FromDays(365))
                    from until in Gen.Elements<int?>(null, 0, 1, -1, 400).Select(d => d is { } days ? now.AddDays(days) : (DateTimeOffset?)null)
                    select (Age: TimeSpan.FromSeconds(ageSeconds), MaxAge: maxAge, Until: until);
        Prop.ForAll(cases.ToArbitrary(), c =>
        {
            var finished = now - c.Age;
            var provenance = signed.Provenance with { Started = finished.AddMinutes(-1), Finished = finished };
            var verdict = signed.Verify(signed.SignAsync(provenance).GetAwaiter().GetResult(), Signed.Rule with { MaxAge = c.MaxAge, Until = c.Until });
            var expected = c.Age < -TrustPolicy.ClockSkew ? "untrusted" : finished > c.Until ? "expired" : c.Age > c.MaxAge ? "expired" : "trusted";
            Assert.Equal(expected, (verdict as TrustVerdict.Refused)?.Fallback ?? "trusted");
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(1000));
    }

    [Fact]
    public async Task The_words_for_old_late_and_future_say_how_much()
    {
        async Task<TrustVerdict> At(TimeSpan age, TrustRule rule) => signed.Verify(await signed.SignAsync(signed.Provenance with { Finished = signed.Clock.GetUtcNow() - age }), rule);

        Refused(await At(TimeSpan.FromDays(31), Signed.Rule with { MaxAge = TimeSpan.FromDays(30) }), "expired", "31 d 0 h ago", "30 d 0 h are allowed");
        Refused(await At(TimeSpan.Zero, Signed.Rule with { Until = signed.Clock.GetUtcNow().AddDays(-1) }), "expired", "keys/ci.pub", "2026-11-21 11:03Z", "trusted until 2026-11-20 11:03Z");
        Assert.Contains("clock", Refused(await At(TimeSpan.FromMinutes(-6), Signed.Rule), "untrusted", "in 6 m 00 s from now").Mend, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_fitting_rule_is_enough_of_several()
    {
        var manifest = await signed.SignAsync(signed.Provenance with { Finished = signed.Clock.GetUtcNow().AddDays(-10) });
        var old = Signed.Rule with { MaxAge = TimeSpan.FromDays(1) };
        var ended = Signed.Rule with { Until = signed.Clock.GetUtcNow().AddDays(-20) };
        var good = Signed.Rule with { MaxAge = TimeSpan.FromDays(30) };
        Refused(signed.Verify(manifest, old, ended), "expired", "1 d 0 h are allowed");
        Assert.Equal(good, Assert.IsType<TrustVerdict.Trusted>(signed.Verify(manifest, ended, old, good)).Rule);
    }

    [Fact]
    public async Task Provenance_of_something_else_is_tampered()
    {
        var provenance = signed.Provenance;
        Refused(signed.Verify(await signed.SignAsync(provenance with { Component = "catalog" })), "tampered", "that of catalog");
        Refused(signed.Verify(await signed.SignAsync(provenance with { Fingerprint = Digest.Of("other") })), "tampered", "other inputs");
        // A genuine bundle under a manifest that points elsewhere.
        Refused(signed.Verify(signed.Wrap(Attestation.Parse(await signed.SignAsync(provenance)).Bundle, Digest.Of("evil"))), "tampered", "points at");
    }

    [Fact]
    public async Task A_dirty_tree_is_a_reason_of_its_own() =>
        Refused(signed.Verify(await signed.SignAsync(signed.Provenance with { Dirty = true })), "dirty-tree", "uncommitted changes");

    [Fact]
    public async Task Signed_bytes_that_this_version_cannot_read_are_untrusted_with_the_reason()
    {
        var statement = Statement.ToBytes(signed.Provenance);
        Refused(signed.Verify(await signed.SignAsync("no statement"u8.ToArray())), "untrusted", "no JSON");
        Refused(signed.Verify(await signed.SignAsync(statement, "text/plain")), "untrusted", "text/plain");
        Refused(signed.Verify(await signed.SignAsync(StatementTests.With(statement, "predicate.buildDefinition.externalParameters.script", "1"))), "untrusted", "unknown field script");
        Refused(signed.Verify(await signed.SignAsync(StatementTests.With(statement, "predicateType", "\"https://slsa.dev/verification_summary/v1\""))), "untrusted", "verification_summary");
    }

    [Fact]
    public async Task Signing_for_another_artifact_than_the_subject_is_a_bug_of_ours() =>
        await Assert.ThrowsAsync<ArgumentException>(() => Attestation.SignAsync(signed.Provenance, Signed.Subject with { Digest = Digest.Of("x") }, signed.Key, signed.Clock.GetUtcNow(), Signed.Cancel));

    [Fact]
    public void Every_broken_key_of_the_rules_is_told_at_once_with_its_line()
    {
        signed.Folder.File("keys/garbage.pub", "not a key");
        var workspace = signed.Workspace(
            Signed.Rule, Signed.Rule with { Key = "keys/none.pub", At = new SourceLocation("laptime.yaml", 10, 5) }, Signed.Rule with { Key = "keys/garbage.pub", Source = "merge-to-mian", At = new SourceLocation("laptime.yaml", 11, 5) });
        var problems = Assert.Throws<LapException>(() => TrustPolicy.Load(workspace, signed.Clock)).Problems;
        Assert.Equal(["laptime.yaml:10:5", "laptime.yaml:11:5"], problems.Select(p => p.Where));
        Assert.Contains("does not exist", problems[0].What, StringComparison.Ordinal);
        Assert.Contains("no PEM", problems[1].What, StringComparison.Ordinal);

        var found = TrustPolicy.Check(workspace);
        Assert.Equal(3, found.Count);
        Assert.Contains("did you mean `merge-to-main`?", found[2].Mend, StringComparison.Ordinal);
        Assert.Empty(TrustPolicy.Check(signed.Workspace(Signed.Rule, Signed.Rule with { Source = "nightly" })));
    }

    [Theory]
    [InlineData("urn:laptime:local:dev@host", "- { source: tag, builder: urn:laptime:local:dev@host, key: keys/a.pub }")]
    [InlineData("urn:x:a b", "- { source: tag, builder: 'urn:x:a b', key: keys/a.pub }")]
    [InlineData("urn:x,y", "- { source: tag, builder: 'urn:x,y', key: keys/a.pub }")]
    [InlineData("urn:it's", "- { source: tag, builder: 'urn:it''s', key: keys/a.pub }")]
    public void A_rule_is_printed_as_yaml_reads_it(string builder, string expected)
    {
        Assert.Equal(expected, TrustPolicy.RuleText("tag", builder, "keys/a.pub"));
        using var folder = new Workspaces.TemporaryWorkspace();
        Assert.Equal(builder, folder.Load($"name: shop\ncomponents: {{ a: {{}} }}\ntrust:\n  {expected}\n").Trust.Single().Builder);
    }
}
