using System.Text.Json;
using Laptime.Foundations;
using Laptime.Recipes;

namespace Laptime.Reports;

/// <summary>What a run of a recipe leaves in its folder: <c>results.json</c>, <c>report.md</c>, <c>junit.xml</c>.</summary>
public static class RecipeReportFiles
{
    public const string Results = "results.json";
    public const string Page = "report.md";
    public const string JUnit = "junit.xml";

    /// <param name="folder">Exists.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Write(string folder, RecipeRunDocument run)
    {
        AtomicFile.Write(Path.Combine(folder, Page), RecipeMarkdown.Render(run), durable: false);
        AtomicFile.Write(Path.Combine(folder, JUnit), JUnitReport.Render(run), durable: false);
        // Last: what counts for later comparisons is there only with the rest.
        AtomicFile.Write(Path.Combine(folder, Results), JsonSerializer.Serialize(run, RecipeRunJson.Readable.RecipeRunDocument) + "\n");
    }

    /// <summary>Null: there is no such document, or it is none of this version.</summary>
    public static RecipeRunDocument? Read(string file)
    {
        try
        {
            return File.Exists(file) && JsonSerializer.Deserialize(File.ReadAllBytes(file), RecipeRunJson.Readable.RecipeRunDocument) is { Schema: RecipeRunDocument.SchemaName } run ? run : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
