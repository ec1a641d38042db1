using System.Text.Json.Serialization;
using Shop.Contracts;
using Shop.Gateway;

// Without its own content root, a host would watch every file below the folder that it is started in.
var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
builder.Logging.SetMinimumLevel(LogLevel.Warning);
builder.Services.ConfigureHttpJsonOptions(o => o.SerializerOptions.TypeInfoResolverChain.Insert(0, GatewayJson.Default));
var app = builder.Build();
var revision = Environment.GetEnvironmentVariable("LAPTIME_REVISION") ?? "gateway@unknown";
var carts = new CartStore(CartStore.DefaultPath());
using var catalog = new CatalogClient(Environment.GetEnvironmentVariable("CATALOG_URL") ?? "http://127.0.0.1:18082");

app.MapGet("/health/live", () => "alive");
app.MapGet("/health/ready", () => Readiness.Of(carts));
app.MapGet("/version", () => revision);
app.MapGet("/api/products", (CancellationToken cancel) => catalog.ProductsAsync(cancel));
app.MapGet("/api/cart", async (CancellationToken cancel) => CartText.Of(carts.Lines(), await catalog.ProductsAsync(cancel)));
app.MapPost("/api/cart/{productId:int}", (int productId) =>
{
    carts.Add(productId);
    return Results.NoContent();
});
app.Run();

[JsonSerializable(typeof(Cart))]
[JsonSerializable(typeof(Product[]))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class GatewayJson : JsonSerializerContext;
