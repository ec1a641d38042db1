using Laptime.Foundations;

namespace Laptime.Recipes;

/// <summary>The base, from nothing.</summary>
internal static class InstallTier
{
    /// <summary>Brings the base up. Part of every run, asserted only when the tier was asked for.</summary>
    public static async Task DeployAsync(Stage stage, TierRun tier, CancellationToken cancel)
    {
        await stage.Driver.PrepareAsync(stage.Base, tier.Timeline, tier.Segment, cancel);
        if (await stage.Ledger.DeployAsync(stage.Driver, stage.Placement, stage.Base, "base", tier.Timeline, tier.Segment, cancel) is { } fault)
        {
            tier.Break(fault);
            return;
        }

        stage.Installed = await stage.Driver.ObserveAsync(cancel);
        await SeedAsync(stage, tier, cancel);
    }

    public static async Task AssertAsync(Stage stage, TierRun tier, CancellationToken cancel)
    {
        var picture = await stage.Driver.ObserveAsync(cancel);
        tier.VerifiedVersion = picture.Version;
        Standing(stage.BaseFacts, picture, tier);
        if (stage.Installed is { } first && Stage.Difference(first, picture) is { } moved)
        {
            tier.Check(false, "", $"it does not stay up: {moved}", "see its log: lap test --keep");
        }

        await stage.AssertAsync(tier, cancel);
    }

    /// <summary>Every service stands, says the version that was applied, and did not restart.</summary>
    public static void Standing(VersionFacts facts, Picture picture, TierRun tier)
    {
        foreach (var expected in facts.Services)
        {
            var service = picture.Find(expected.Name);
            tier.Check(service is { Stands: true, WentBack: false }, $"{expected.Name} stands, {service?.Instances.Count} of {service?.Wanted}",
                service is null ? $"{expected.Name} is not there" : $"{expected.Name} does not stand: {service.Detail ?? "its update went back"}");
            if (service is not null)
            {
                tier.Check(service.Restarts == 0, $"{expected.Name} did not restart", $"{expected.Name} restarted {service.Restarts} times since it was deployed", "see its log: lap test --keep");
            }
        }

        tier.Check(picture.Version == facts.Version, $"the running system says {picture.Version}", $"the running system says {picture.Version ?? "nothing"} where {facts.Version} was applied",
            "the version label of the recipe has to be the tag's; what runs may have been deployed by somebody else");
    }

    private static async Task SeedAsync(Stage stage, TierRun tier, CancellationToken cancel)
    {
        if (stage.Seeders.Count == 0)
        {
            return;
        }

        using var segment = tier.Begin("seed");
        foreach (var name in (string[])[RestoreTier.Kept, RestoreTier.Changed, RestoreTier.Deleted])
        {
            stage.Seeds[name] = stage.Value(name);
        }

        foreach (var seeder in stage.Seeders)
        {
            await seeder.PutAsync(stage.Seeds, cancel);
            await SurviveAsync(stage, seeder, tier, "were written and read again", "do not come back when they are read at once", cancel);
        }

        segment.End();
    }

    /// <summary>Every item has the value that was written.</summary>
    public static async Task SurviveAsync(Stage stage, Seeder seeder, TierRun tier, string holds, string otherwise, CancellationToken cancel)
    {
        var found = await seeder.GetAsync(stage.Seeds.Keys, cancel);
        var wrong = stage.Seeds.Where(s => found.GetValueOrDefault(s.Key) != s.Value).Select(static s => s.Key).ToList();
        tier.Check(wrong.Count == 0, $"{stage.Seeds.Count} items ({seeder.Name}) {holds}", $"items ({seeder.Name}) {otherwise}: {string.Join(", ", wrong)}");
    }
}
