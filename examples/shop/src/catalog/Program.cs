using System.Text.Json.Serialization;
using Shop.Contracts;

// Without its own content root, a host would watch every file below the folder that it is started in.
var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
builder.Logging.SetMinimumLevel(LogLevel.Warning);
builder.Services.ConfigureHttpJsonOptions(o => o.SerializerOptions.TypeInfoResolverChain.Insert(0, CatalogJson.Default));
var app = builder.Build();
var revision = Environment.GetEnvironmentVariable("LAPTIME_REVISION") ?? "catalog@unknown";

Product[] products =
[
    new(1, "Stopwatch", 4900),
    new(2, "Chalk", 350),
    new(3, "Running shoes", 11900),
];

app.MapGet("/health/live", () => "alive");
app.MapGet("/health/ready", () => "ready");
app.MapGet("/version", () => revision);
app.MapGet("/products", () => products);
app.MapGet("/products/{id:int}", (int id) => products.FirstOrDefault(p => p.Id == id) is { } product ? Results.Ok(product) : Results.NotFound());
app.Run();

[JsonSerializable(typeof(Product[]))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class CatalogJson : JsonSerializerContext;
